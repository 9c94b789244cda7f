from __future__ import annotations

import numpy as np
import pytest

from bayesscale.errors import UsageError
from bayesscale.figures.drawing import Drawing
from bayesscale.inference import Fit
from bayesscale.posterior.predictive import Predictive
from bayesscale.questions.forecast import forecast
from bayesscale.questions.picture import picture, sketch
from bayesscale.questions.select import Selection, drawn_curves
from tests.questions.made_up import MadeUp, rows

INTERVALS = ["median", "mean", "lower", "upper", "law_median", "law_lower", "law_upper"]


def test_bands_are_forecasts(uncertain: Fit) -> None:
    bands = picture(uncertain, until=1e12, prob=0.5, tasks=["en-fr"]).frame()
    last = bands[bands["pretrain_tokens"] == bands["pretrain_tokens"].max()].reset_index(drop=True)
    expected = forecast(uncertain, [last["pretrain_tokens"][0]], prob=0.5, tasks=["en-fr"]).frame()
    np.testing.assert_allclose(last[INTERVALS], expected[INTERVALS], rtol=1e-12)


def test_bands_go_from_first_to_last_size_and_on(certain: Fit) -> None:
    bands = picture(certain).frame()
    spans = bands.groupby(["task", "mixture", "finetune_tokens", "metric"])["pretrain_tokens"]
    np.testing.assert_allclose(spans.min(), 1e9)
    np.testing.assert_allclose(spans.max(), 1e12)
    at_the_end = bands["efolds_beyond"].abs() < 1e-9
    assert at_the_end.sum() == 16
    np.testing.assert_allclose(bands.loc[at_the_end, "pretrain_tokens"], 1e11)


def test_the_forecast_ends_no_earlier_than_the_data(certain: Fit) -> None:
    bands = picture(certain, until=1e10).frame()
    np.testing.assert_allclose(bands["pretrain_tokens"].max(), 1e11)


def drawn(fit: Fit, wanted: Selection, places: list[int], prob: float = 0.9) -> Drawing:
    """Return what a picture of some curves shows, up to 1T."""
    return sketch(fit, Predictive(drawn_curves(fit, wanted, None)[0], prob), places, 1e12)


def test_points_and_baseline_are_the_measured_ones(certain: Fit) -> None:
    drawing = drawn(certain, Selection(tasks=["en-fr"], mixtures=["en"]), [0])
    assert drawing.units == {"bleu": "BLEU points"}
    points = drawing.points[drawing.points["metric"] == "bleu"]
    assert points[["finetune_tokens", "pretrain_tokens", "value"]].to_numpy().tolist() == [
        [size, d, pytest.approx(value)]
        for size in (6e6, 42e6)
        for d, value in zip((1e9, 1e10, 1e11), (20.0, 20.2, 20.4), strict=True)
    ]
    baseline = drawing.baseline[drawing.baseline["metric"] == "bleu"]
    assert baseline["value"].tolist() == [pytest.approx(14.0)] * 2


def test_a_picture_says_what_it_is() -> None:
    fit = MadeUp(draws=20, problems=("R-hat 1.2",), table=rows().assign(run="simulated-1")).fit()
    drawing = drawn(fit, Selection(), [0, 1], prob=0.8)
    assert "80% equal-tailed intervals from 20 posterior draws; not converged" in drawing.frame.caption
    assert drawing.frame.warning == "not converged: R-hat 1.2. Remedy: raise --draws."
    assert "SIMULATED data, not measured" in drawing.frame.title
    assert drawn(MadeUp(draws=4).fit(), Selection(), [0]).frame.warning == ""


def test_a_forecast_has_a_picture(certain: Fit) -> None:
    answer = forecast(certain, [1e13, 0.0], mixtures=["en", "de"], metrics=["bleu"])
    bands = answer.plot().frame()
    assert bands["pretrain_tokens"].max() == pytest.approx(1e13)
    assert sorted(bands["mixture"].unique()) == ["de", "en"]


def test_curves_without_another_size_have_one_line_a_panel() -> None:
    table = rows(finetune=(6e6,)).drop(columns="finetune_tokens")
    drawing = drawn(MadeUp(table=table, draws=4).fit(), Selection(), [0])
    assert (drawing.colour, drawing.panel) == (None, ("task", "mixture"))


def test_questions_that_cannot_be_drawn(certain: Fit) -> None:
    with pytest.raises(UsageError, match="received 2"):
        picture(certain, prob=2)
    with pytest.raises(UsageError, match="received -1"):
        picture(certain, until=-1)
