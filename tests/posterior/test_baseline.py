"""The baseline under draws: measured cells keep their own, others are drawn once a cell."""

from __future__ import annotations

import numpy as np
import pytest

from bayesscale.errors import QuestionError
from bayesscale.models.scale import place_of
from bayesscale.posterior.baseline import TargetBaseline
from bayesscale.questions.select import Selection, drawn_curves
from tests.questions.made_up import MadeUp, rows

ALL = slice(None)


def baseline(made_up: MadeUp, wanted: Selection) -> TargetBaseline:
    return TargetBaseline(drawn_curves(made_up.fit(), wanted, seed=1)[0])


def test_measured_cells_keep_level_and_noise() -> None:
    cells = (("cell", "metric"), np.log(np.arange(1.0, 9.0)).reshape(4, 2))
    made_up = MadeUp(draws=6, replaced={"baseline_noise": cells, "baseline_level": cells})
    found = baseline(made_up, Selection(tasks=["en-fr"], mixtures=["en"]))
    np.testing.assert_allclose(found.value(ALL, 0), [[5.0] * 6, [7.0] * 6])
    np.testing.assert_allclose(found.scale(ALL, 1), [[6.0] * 6, [8.0] * 6])


def test_an_unmeasured_cell_is_drawn_from_the_population_and_shared_by_its_mixtures() -> None:
    count = 20_000
    made_up = MadeUp(draws=count, noise=0.3)
    found = baseline(made_up, Selection(tasks=["en-fr"], mixtures=["en", "en+fr"], other_sizes=[1e9]))
    value = found.value(ALL, 0)
    # A BLEU of 25 is typical; noise is less the nearer a score is to a twentieth of that.
    level, scale = np.log(value), np.log(found.scale(ALL, 0) / np.sqrt(value / (value + 1.25)))
    np.testing.assert_array_equal(level[0], level[1])
    covariate = 9.0 - (np.log10(6e6) + np.log10(42e6)) / 2
    error = 0.1 / np.sqrt(count)
    place = np.log(25.0) - 0.45 + 0.2 * covariate
    assert place_of(level[0], np.log(1.25)).mean() == pytest.approx(place, abs=5 * error)
    assert place_of(level[0], np.log(1.25)).std() == pytest.approx(0.1, rel=5 / np.sqrt(2 * count))
    assert scale[0].mean() == pytest.approx(np.log(0.3), abs=5 * error)
    assert scale[0].std() == pytest.approx(0.1, rel=5 / np.sqrt(2 * count))
    assert abs(np.corrcoef(level[0], scale[0])[0, 1]) < 5 / np.sqrt(count)


def test_the_share_of_the_standard_error_is_added_in_measured_and_in_other_cells() -> None:
    # The made-up population has no spread in this share.
    made_up = MadeUp(draws=4, table=rows().assign(se=0.6), noise=0.3, independent=0.25, spread=0.0)
    found = baseline(made_up, Selection(tasks=["en-fr"], mixtures=["en"], other_sizes=[6e6, 1e9]))
    value = found.value(ALL, 0)
    own = 0.3**2 * value / (value + 1.25)
    np.testing.assert_allclose(found.scale(ALL, 0), np.sqrt(own + 0.25 * 0.6**2))


def test_without_a_baseline_there_is_none() -> None:
    with pytest.raises(QuestionError, match="the data of this fit have none"):
        baseline(MadeUp(table=rows().query("pretrain_tokens > 0"), draws=4), Selection())
