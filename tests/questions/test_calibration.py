from __future__ import annotations

import numpy as np
import pytest

from bayesscale.errors import QuestionError
from bayesscale.questions.calibration import calibration, leave_one_out_pit
from tests.questions.made_up import MadeUp
from tests.report.test_page import with_replicates


def test_leaving_out_is_exact_for_a_normal_mean() -> None:
    # One observation far from the others pulls the mean of all; without it, it lies further out.
    rng = np.random.default_rng(0)
    values = np.array([0.0, 0.1, -0.2, 0.05, 1.5])
    count, sd = len(values), 1.0
    mean = rng.normal(values.mean(), sd / np.sqrt(count), 200_000)
    replicated = mean[:, None] + rng.normal(0, sd, (len(mean), count))
    likelihood = -0.5 * ((values - mean[:, None]) / sd) ** 2
    found = leave_one_out_pit(likelihood, replicated, values)
    from scipy.stats import norm

    others = (values.sum() - values) / (count - 1)
    expected = norm.cdf((values - others) / (sd * np.sqrt(1 + 1 / (count - 1))))
    np.testing.assert_allclose(found, expected, atol=0.01)
    # In sample it would be nearer to the middle.
    assert found[-1] > (replicated[:, -1] < values[-1]).mean() + 0.02


def test_counts_are_those_of_the_intervals() -> None:
    answer = calibration(with_replicates(MadeUp(draws=400).fit()), prob=0.5)
    table = answer.frame().set_index("metric")
    assert table["values"].tolist() == [8 * 3 + 4] * 2
    # Replicates lie around the values themselves: all are near the middle.
    assert table["inside"].tolist() == table["values"].tolist()
    (told,) = answer.headline()
    assert told.startswith(
        "Left out in turn, 28 of 28 values of bleu and 28 of 28 values of cross_entropy lie"
    )
    pit = answer.plot().frame()
    assert pit.groupby("metric")["share"].max().tolist() == [1.0, 1.0]
    assert (pit["low"] <= pit["pit"]).all()


def test_a_fit_without_replicates_says_so() -> None:
    fit = MadeUp(draws=4).fit()
    with pytest.raises(QuestionError, match="this fit lacks log_likelihood"):
        calibration(fit)
