"""Curves that nobody has measured: what the population says of them, and how uncertain it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bayesscale.errors import BayesscaleError
from bayesscale.inference import Fit
from bayesscale.laws import LOG_LAW
from bayesscale.models.priors import Priors
from bayesscale.models.scale import log_near_zero, place_of
from bayesscale.questions.forecast import forecast
from bayesscale.questions.select import Selection, drawn_curves
from tests.questions.made_up import CURVE_DEGREES, TRUE, MadeUp, parameters, rows

CENTRE = (np.log10(6e6) + np.log10(42e6)) / 2
# Of the mean of 20,000 numbers that should be equal.
ROUNDING = 1e-10
SPREADS = ("mixture_sd", "task_mixture_sd", "curve_sd", "task_sd", "finetune_tokens_sd")
LEVELS = (0, 1, 3, 4)
"""Columns of level and gain among level, gain and shape of bleu and of cross-entropy."""


def only(name: str, spread: float, draws: int = 20_000) -> Fit:
    """Return a fit in which nothing but one spread differs from zero."""
    replaced: dict[str, tuple[tuple[str, ...], Any]] = {
        other: (("effect",), np.full(4, spread if other == name else 0.0)) for other in SPREADS
    }
    replaced["shape_sd"] = (("metric", "law"), np.full((2, 2), spread if name == "shape_sd" else 0.0))
    return MadeUp(draws=draws, replaced=replaced).fit()


def drawn(fit: Fit, wanted: Selection) -> NDArray[np.float64]:
    """Return level, gain and shape of both metrics of the curves asked for, shape (draws, targets, 6)."""
    curves, _ = drawn_curves(fit, wanted, seed=1)
    each = [curves.local(slice(None), metric) for metric in (0, 1)]
    return np.stack([part.T for local in each for part in (local.level, local.gain, local.shape)], axis=-1)


def on_scale(effects: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the same with levels and gains as the population has them: near zero no logarithms."""
    found, near = effects.copy(), log_near_zero(("bleu", "cross_entropy"), Priors())
    for level, log_near in zip((0, 3), near, strict=True):
        found[..., level] = place_of(effects[..., level], log_near)
        low = place_of(effects[..., level] - effects[..., level + 1], log_near)
        found[..., level + 1] = found[..., level] - low
    return found


def test_another_size_is_the_population_and_its_groups() -> None:
    fit = MadeUp(draws=4, spread=0.0).fit()
    wanted = Selection(tasks=["en-fr"], mixtures=["en"], other_sizes=[1e9])
    (effects,) = on_scale(np.unique(drawn(fit, wanted)[:, 0], axis=0))
    typical = np.array([*TRUE["bleu"], *TRUE["cross_entropy"]])
    # en-fr is the second task, en the first mixture, their pair the third of four, its alignment 0.7.
    groups = 0.05 - 0.05 + np.linspace(-0.05, 0.05, 4)[2]
    aligned = {covariate.name: covariate for covariate in fit.curves.covariates}["alignment"]
    covariates = 0.1 * (9.0 - CENTRE) + 0.1 * (0.7 - aligned.centre)
    expected = typical.copy()
    expected[list(LEVELS)] += groups + covariates
    np.testing.assert_allclose(effects, expected, rtol=1e-12)


def test_measured_curves_keep_their_own_effects(uncertain: Fit) -> None:
    effects = drawn(uncertain, Selection(mixtures=["de", "en"], tasks=["en-fr"]))
    labels = [uncertain.curves.labels.index(f"en-fr | en | {size}") for size in ("6M", "42M")]
    expected = parameters(uncertain)[:, labels].reshape(-1, 2, 6)
    np.testing.assert_array_equal(effects[:, 2:], expected)


@pytest.mark.parametrize(
    ("name", "known", "columns"),
    [
        ("mixture_sd", 2, LEVELS),
        ("task_mixture_sd", 4, LEVELS),
    ],
)
def test_a_new_mixture_has_the_spread_of_the_population(name: str, known: int, columns: Any) -> None:
    effects = drawn(only(name, 0.2), Selection(tasks=["en-fr"], mixtures=["de"], other_sizes=[6e6]))[:, 0]
    # The known levels sum to zero: a new one differs from their average by more than from the population's.
    expected = np.zeros(6)
    expected[list(columns)] = 0.2 * np.sqrt(1 + 1 / known)
    five_errors = 5 * expected / np.sqrt(2 * 20_000)
    assert (np.abs(effects.std(axis=0) - expected) <= five_errors + ROUNDING).all()


@pytest.mark.parametrize(("name", "columns"), [("curve_sd", LEVELS), ("shape_sd", (2, 5))])
def test_what_sets_a_new_curve_apart_is_student_t(name: str, columns: Any) -> None:
    fit = only(name, 0.2)
    effects = drawn(fit, Selection(tasks=["en-fr"], mixtures=["de"], other_sizes=[6e6]))[:, 0]
    off = effects - np.median(effects, axis=0)
    still = np.setdiff1d(np.arange(6), columns)
    assert (np.abs(off[:, still]) <= ROUNDING).all()
    student = stats.t(CURVE_DEGREES, scale=0.2)
    assert min(stats.kstest(off[:, j], student.cdf).pvalue for j in columns) > 1e-3
    # A curve that is odd in one is odd in all.
    far = np.abs(off[:, list(columns)]) > 0.2 * stats.t.ppf(0.99, CURVE_DEGREES)
    assert (far[:, 0] & far[:, -1]).mean() > 2 * far[:, 0].mean() * far[:, -1].mean()


def test_a_new_size_is_as_far_off_the_line_as_measured_ones() -> None:
    wanted = Selection(tasks=["en-fr"], mixtures=["en", "de"], other_sizes=[1e9])
    effects = on_scale(drawn(only("finetune_tokens_sd", 0.2), wanted))[..., list(LEVELS)]
    # The line through two sizes: what is not known of it counts for more the further off a size is.
    low, high, new = np.log10([6e6, 42e6, 1e9])
    share = (new - low) / (high - low)
    expected = 0.2 * np.sqrt(1 + share**2 + (1 - share) ** 2)
    assert (np.abs(effects.std(axis=0) - expected) <= 5 * expected / np.sqrt(2 * 20_000)).all()
    # All curves of one size are off together.
    assert np.ptp(effects - effects.mean(axis=0), axis=1).max() <= ROUNDING


def test_a_known_mixture_with_new_size_has_no_new_group() -> None:
    wanted = Selection(tasks=["en-fr"], mixtures=["en"], other_sizes=[1e9])
    for name in ("mixture_sd", "task_mixture_sd", "task_sd"):
        assert np.ptp(drawn(only(name, 0.2, draws=50), wanted), axis=0).max() == 0.0


def test_residuals_have_the_correlation_of_the_posterior() -> None:
    correlation = np.eye(4)
    correlation[0, 2] = correlation[2, 0] = -0.8
    replaced: dict[str, tuple[tuple[str, ...], Any]] = {
        "curve_correlation": (("effect", "effect_other"), correlation),
        "finetune_tokens_sd": (("effect",), np.zeros(4)),
    }
    fit = MadeUp(draws=20_000, replaced=replaced).fit()
    effects = drawn(fit, Selection(mixtures=["en"], tasks=["en-fr"], other_sizes=[1e9]))[:, 0]
    found = np.corrcoef(effects[:, list(LEVELS)], rowvar=False)
    assert np.abs(found - correlation).max() < 5 / np.sqrt(20_000)


def test_sizes_of_one_new_mixture_share_its_effect() -> None:
    effects = on_scale(drawn(only("mixture_sd", 0.2, draws=50), Selection(tasks=["en-fr"], mixtures=["de"])))
    difference = (effects[:, 1] - effects[:, 0])[:, list(LEVELS)]
    # Effects of the two sizes that were measured are -.05 and .05.
    np.testing.assert_allclose(difference, 0.1 * (np.log10(42e6) - np.log10(6e6)) + 0.1, atol=1e-12)


def test_a_new_mixture_is_less_certain_than_a_measured_one(uncertain: Fit) -> None:
    frame = forecast(uncertain, [1e11, 1e12], mixtures=["en", "de"]).frame()
    frame["width"] = frame["upper"] - frame["lower"]
    wide = frame.pivot(
        index=["task", "finetune_tokens", "metric", "pretrain_tokens"], columns="mixture", values="width"
    )
    assert (wide["de"] > wide["en"]).all()


def test_with_one_mixture_the_spread_is_that_of_its_prior() -> None:
    fit = MadeUp(table=rows(mixtures={"en": {}}), draws=20_000, spread=0.0).fit()
    assert not fit.has("mixture_sd")
    level = drawn(fit, Selection(tasks=["en-fr"], mixtures=["de"], other_sizes=[6e6]))[:, 0, 0]
    prior = fit.priors.score.level.mixture_sd
    # Two levels differ by sqrt(2) spreads. Medians, with an error of 1%: a log-normal has heavy tails.
    rng = np.random.default_rng(5)
    spread = prior.median * np.exp(prior.spread * rng.standard_normal(200_000))
    expected = np.quantile(np.abs(np.sqrt(2) * spread * rng.standard_normal(200_000)), 0.5)
    assert np.quantile(np.abs(level - np.median(level)), 0.5) == pytest.approx(expected, rel=0.05)


def test_noise_of_a_new_curve_varies_as_between_curves() -> None:
    fit = MadeUp(draws=20_000, noise=0.3).fit()
    wanted = Selection(tasks=["en-fr"], mixtures=["en"], other_sizes=[6e6, 1e9])
    curves, _ = drawn_curves(fit, wanted, seed=1)
    noise = curves.local(slice(None), 0).noise
    assert np.ptp(noise[0]) == 0.0
    assert noise[1].mean() == pytest.approx(np.log(0.3), abs=5 * 0.1 / np.sqrt(20_000))
    assert noise[1].std() == pytest.approx(0.1, rel=5 / np.sqrt(2 * 20_000))


def test_alignment_moves_a_new_mixture() -> None:
    fit = MadeUp(draws=4, spread=0.0).fit()
    options: dict[str, Any] = {
        "tasks": ["en-fr"],
        "mixtures": ["x"],
        "other_sizes": [6e6],
        "metrics": ["bleu"],
    }
    values = {a: forecast(fit, [1e11], alignment=a, **options).frame()["law_median"][0] for a in (0.7, 1.0)}
    places = place_of(np.log([values[0.7], values[1.0]]), log_near_zero(("bleu",), Priors())[0])
    assert np.diff(places) == pytest.approx(0.1 * 0.3)
    shares = forecast(fit, [1e11], shares={"en": 0.5, "fr": 0.5}, **options)
    assert shares.frame()["law_median"][0] == pytest.approx(values[1.0])
    assert not [note for note in shares.notes if "alignment" in note]


def test_shares_of_a_measured_mixture_serve_a_task_without_it() -> None:
    table = rows()
    fit = MadeUp(table=table[(table["task"] == "en-fr") | (table["mixture"] != "en+fr")], draws=4).fit()
    curves, notes = drawn_curves(fit, Selection(tasks=["en-de"], mixtures=["en+fr"]), seed=1)
    assert curves.alignment.tolist() == [0.35, 0.35]
    assert notes == (
        "alignment 0.35 of mixture 'en+fr' with task 'en-de' lies outside the measured 0.7 to 1: its trend "
        "is assumed to go on",
    )


def test_an_unknown_alignment_is_that_of_a_typical_curve(certain: Fit) -> None:
    answer = forecast(certain, [1e11], tasks=["en-fr"], mixtures=["x"])
    assert [note for note in answer.notes if "alignment" in note] == [
        "the alignment of mixture 'x' with task 'en-fr' is unknown: that of a typical curve is assumed; "
        "give language shares or the alignment"
    ]
    fit = MadeUp(draws=4, spread=0.0).fit()
    centre = next(c.centre for c in fit.curves.covariates if c.name == "alignment")
    options: dict[str, Any] = {"tasks": ["en-fr"], "mixtures": ["x"]}
    unknown, typical = (forecast(fit, [1e11], alignment=a, **options).frame() for a in (None, centre))
    np.testing.assert_allclose(unknown["median"], typical["median"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"mixtures": ["x"], "shares": {"en": 1.0}, "alignment": 0.7}, "received both; give one of them"),
        ({"shares": {"en": 1.0}}, "exactly one mixture that was not measured; received none"),
        ({"mixtures": ["x", "y"], "shares": {"en": 1.0}}, "received x, y; ask for one at a time"),
        (
            {"mixtures": ["x"], "alignment": 0.7},
            "with exactly one task; received ('en-de', 'x'), ('en-fr', 'x')",
        ),
        ({"mixtures": ["x"], "tasks": ["en-fr"], "alignment": 3.0}, "lies between 0 and 2; received 3"),
        ({"mixtures": ["x"], "shares": {"en": 50.0}}, "write fractions, 0.5 rather than 50"),
    ],
)
def test_shares_and_alignment_that_fit_nothing(certain: Fit, options: dict[str, Any], told: str) -> None:
    with pytest.raises(BayesscaleError) as caught:
        forecast(certain, [1e11], **options)
    assert told in str(caught.value)


def test_alignment_is_refused_where_it_plays_no_role() -> None:
    fit = MadeUp(table=rows(mixtures={"en": {}, "fr": {}}), draws=4).fit()
    with pytest.raises(BayesscaleError, match="alignment can be used only if alignment varies"):
        forecast(fit, [1e11], tasks=["en-fr"], mixtures=["x"], alignment=0.7)
    assert len(forecast(fit, [1e11], tasks=["en-fr"], mixtures=["x"]).notes) == 1


def test_shares_need_a_task_named_by_its_languages() -> None:
    table = rows().replace({"task": {"en-de": "BoolQ"}})
    fit = MadeUp(table=table, draws=4).fit()
    with pytest.raises(BayesscaleError, match="received 'BoolQ'; give the alignment itself"):
        forecast(fit, [1e11], mixtures=["x"], shares={"en": 1.0})


def test_a_model_without_covariates_and_groups() -> None:
    table = rows(tasks=("en-fr",), mixtures={"en": {}}, finetune=(6e6,), metrics=("bleu",))
    fit = MadeUp(table=table, draws=4, spread=0.0).fit()
    assert (fit.curves.covariates, fit.curves.factors) == ((), ())
    frame = forecast(fit, [1e11], mixtures=["en", "x"]).frame()
    assert frame["law_median"].tolist()[0] == pytest.approx(LOG_LAW.value(1.0, np.log(25) - 0.1, 0.4, 0.0))
    assert (frame["law_lower"] < frame["law_upper"]).tolist() == [False, True]
