"""The posterior does not depend on how it is sampled, and is the one that the formulas say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from bayesscale.inference.derived import location_scale, replicate
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves
from bayesscale.models.coefficients import Whitening, whitening
from bayesscale.models.evidence import Evidence
from bayesscale.models.forms import SHARPNESS
from bayesscale.models.joint import JointModel
from bayesscale.models.layout import lay_out
from bayesscale.models.measurement import RESOLUTION
from bayesscale.models.priors import Priors
from bayesscale.models.regression import Design, zero_sum_basis
from bayesscale.models.surface import LINEAR, PART, RATE, SURFACES, Surface, joined, on_surface, scaled_size
from tests.models.evaluate import Point, log_density, observed_log_density, points, variables
from tests.models.tables import curves_of, table

FloatArray = NDArray[np.float64]
MODEL = JointModel()
# Laws that are exactly true but for the noise; test_likelihood.py is about breaks and discrepancy.
EXACT = JointModel(breaks="none", discrepancy=False)


def _mixed() -> Curves:
    """Return clear, middling and vague curves: all, some and none of their effects can be centred."""
    clear = table(("en-fr",), finetune=(6e6,), noise=0.02, sizes=np.geomspace(1e9, 6.4e10, 40).tolist())
    middling = table(("en-de",), finetune=(6e6, 42e6), sizes=np.geomspace(1e9, 6.4e10, 10).tolist(), seed=1)
    vague = table(("en-ro",), finetune=(6e6,), sizes=(1e10, 1.3e10), seed=2)
    return curves_of(pd.concat([clear, middling, vague], ignore_index=True))


def _gaps() -> Curves:
    """Return curves with standard errors and pairs; one without its BLEU, one without its cross-entropy."""
    frame = table(se=0.3)
    first = (frame["task"] == "en-de") & (frame["mixture"] == "en") & (frame["finetune_tokens"] == 6e6)
    last = (frame["task"] == "en-fr") & (frame["mixture"] == "en+fr") & (frame["finetune_tokens"] == 42e6)
    return curves_of(frame[~(first & (frame["metric"] == "bleu") | last & (frame["metric"] != "bleu"))])


@pytest.fixture(scope="module", params=[_mixed, _gaps], ids=["clear and vague", "gaps"])
def curves(request: pytest.FixtureRequest) -> Curves:
    """Return the curves of this module."""
    chosen: Curves = request.param()
    return chosen


class _Parts:
    """What a model says at a point: hyperparameters, coefficients and effects."""

    def __init__(self, curves: Curves, found: dict[str, Any], model: JointModel = MODEL) -> None:
        self.curves, self.effects, self.found = curves, model.effects(curves), found
        self.design, self.model = Design.of(curves), model

    @property
    def coefficients(self) -> FloatArray:
        """Return the coefficients of the regression from what the posterior holds, (effects, columns)."""
        parts = [self.found["mean"][:, None], self.found["slope"].T]
        for factor, _ in self.design.factors:
            parts.append(self.found[f"{factor.name}_effect"].T @ zero_sum_basis(len(factor.levels)))
        return np.hstack(parts)

    @property
    def coefficient_sd(self) -> FloatArray:
        """Return the prior standard deviations of the coefficients."""
        parts = [
            self.effects.values("mean", "sd")[:, None],
            self.effects.slopes(self.curves.covariates, "sd").T,
        ]
        for factor, place in self.design.factors:
            parts.append(self.found[f"{factor.name}_sd"][:, None] * np.ones(place.stop - place.start))
        return np.hstack(parts)

    @property
    def standard_coefficients(self) -> FloatArray:
        """Return the coefficients in units of their prior."""
        mean = np.zeros_like(self.coefficients)
        mean[:, 0] = self.effects.mean
        mean[:, self.design.covariates] = self.effects.slopes(self.curves.covariates, "mean").T
        return np.asarray((self.coefficients - mean) / self.coefficient_sd)

    @property
    def cholesky(self) -> FloatArray:
        """Return the factor of the covariance of all residuals, (effects, effects)."""
        count = self.effects.correlated
        sd = self.found["curve_sd"]
        whole = np.diag(np.concatenate([np.ones(count), self.found["shape_sd"]]))
        whole[:count, :count] = np.linalg.cholesky(self.found["curve_correlation"] * sd * sd[:, None])
        return whole

    @property
    def standard_residuals(self) -> FloatArray:
        """Return the residuals of the curves in units of their spread."""
        expected = self.design.matrix @ self.coefficients.T
        if self.model.joint != LINEAR:
            scores, losses = len(self.curves.scores.metrics), len(self.curves.losses.metrics)
            variables = {name: self.found[name] for name in (RATE, PART, SHARPNESS) if name in self.found}
            surface = Surface(
                self.model.joint, scores, joined(self.model.followed, scores, losses), variables
            )
            expected = on_surface(surface, expected, scaled_size(self.curves), self.effects)
        residual = self.found["curve_effect"] - expected
        return np.asarray(np.linalg.solve(self.cholesky, residual.T).T)


def _parts(curves: Curves, model: Any, form: JointModel = MODEL) -> Any:
    """Return a function from a point to its `_Parts`."""
    factors = [name for f in curves.factors for name in (f"{f.name}_effect", f"{f.name}_sd")]
    names = ["mean", "slope", "curve_effect", "curve_sd", "curve_correlation", "shape_sd", *factors]
    names += ["baseline_mean", "baseline_slope", "baseline_sd", "noise_sd", "noise_factor"]
    names += [name for name in ("se_independent", RATE, PART, SHARPNESS) if name in model.named_vars]
    found = variables(model, names)
    return lambda point: _Parts(curves, found(point), form)


def _bases(curves: Curves, form: JointModel = MODEL) -> tuple[Evidence, Whitening]:
    """Return what the curves say by themselves and how the coefficients are whitened."""
    evidence = form.evidence(curves)
    return evidence, whitening(form.effects(curves), evidence)


def _baseline(curves: Curves, found: dict[str, Any]) -> tuple[FloatArray, float]:
    """Return the baseline's line in units of its prior, (2, metrics), and the log scale of coordinates."""
    data, priors, effects = MODEL.data(curves), Priors(), MODEL.effects(curves)
    own = [priors.baseline_level, priors.baseline_slope]
    mean = effects.offsets[: effects.correlated : 2] + own[0].mean, own[1].mean
    sd = np.array([own[0].sd, own[1].sd])
    columns = data["baseline_design"] * sd
    scale = 0.0
    for metric, spread in enumerate(found["baseline_sd"]):
        weight = data["baseline_known"][:, metric] / (spread**2 + data["baseline_error"][:, metric] ** 2)
        scale += 0.5 * np.linalg.slogdet(np.eye(2) + (columns.T * weight) @ columns)[1]
    return np.array(
        [(found[n] - m) / s for n, m, s in zip(("baseline_mean", "baseline_slope"), mean, sd, strict=True)]
    ), scale


def _log_scale(curves: Curves, found: dict[str, Any], cholesky: FloatArray) -> float:
    """Return the log density of effects whose coordinates are standard normal, minus that of residuals."""
    evidence, effects = MODEL.evidence(curves), MODEL.effects(curves)
    floor = RESOLUTION * np.array([CATALOGUE[name].noise for name in curves.names])
    variance = (found["noise_sd"] * np.exp(found["noise_factor"])) ** 2 + floor**2
    if "se_independent" in found:
        variance = variance + found["se_independent"] * evidence.se**2
    whole = np.tile(np.linalg.inv(cholesky @ cholesky.T), (len(curves), 1, 1))
    for metric in range(len(curves.names)):
        columns = np.array(effects.columns(metric))
        own = evidence.precision[:, metric] / variance[:, metric, None, None]
        whole[:, columns[:, None], columns] += own
    scale = 0.5 * np.linalg.slogdet(whole)[1].sum()
    return float(scale + len(curves) * np.log(np.diag(cholesky)).sum())


def test_clear_and_vague_curves_are_told_apart() -> None:
    evidence, white = _bases(_mixed())
    assert {0, 5, 6} <= set(evidence.known.sum(axis=1))
    assert 0.0 < white.centred.mean() < 1.0


@pytest.mark.parametrize("joint", SURFACES)
def test_the_posterior_does_not_depend_on_evidence_and_whitening(curves: Curves, joint: str) -> None:
    model = JointModel(breaks="all", joint=joint)
    _, white = _bases(curves, model)
    centred, plain = (model.build(curves, centred=form) for form in (True, False))
    density, plain_density = log_density(centred), log_density(plain)
    parts, plain_parts = _parts(curves, centred, model), _parts(curves, plain, model)
    for point in points(centred, 5):
        here = parts(point)
        line, scale = _baseline(curves, here.found)
        moved: Point = point | {
            "baseline_raw": line,
            "coefficient_raw": here.standard_coefficients,
            "curve_raw": here.standard_residuals,
        }
        there = plain_parts(moved)
        assert there.found["curve_effect"] == pytest.approx(here.found["curve_effect"], rel=1e-9)
        assert there.coefficients == pytest.approx(here.coefficients, rel=1e-9, abs=1e-12)
        # From densities of standardised coordinates to densities of the effects, where these are sampled.
        jacobian = scale + _log_scale(curves, here.found, here.cholesky)
        jacobian += (white.centred[:, None] * np.log(here.coefficient_sd)).sum()
        assert density(point) == pytest.approx(plain_density(moved) - jacobian, rel=1e-10)


def test_the_baseline_s_noise_is_student_s() -> None:
    curves = _gaps()
    model = EXACT.build(curves)
    density, posterior = observed_log_density(model, "baseline_value"), _posterior(curves, model)
    for point in points(model, 3, seed=1):
        draws = posterior(point)
        mean, sd, degrees = location_scale(draws, curves, Priors(), "baseline", slice(None))
        expected = stats.t.logpdf(curves.baseline.value, degrees, mean, sd)[0, 0]
        assert density(point) == pytest.approx(expected, rel=1e-8)
        stored, _ = replicate(draws, curves, Priors(), seed=0)
        own = stored["value"].to_numpy()[0, 0, -len(curves.baseline) :]
        assert density(point) == pytest.approx(own, rel=1e-6)


def test_a_curve_s_value_is_normal_given_its_weight_and_stored_as_student_s(curves: Curves) -> None:
    model = EXACT.build(curves)
    density, posterior, layout = _potential(model), _posterior(curves, model), lay_out(curves)
    for point in points(model, 3, seed=1):
        draws = posterior(point)
        stored, _ = replicate(draws, curves, Priors(), seed=0)
        normal: list[float] = []
        student: list[float] = []
        for name in ("score", "loss"):
            value = curves.blocks[name].value
            mean, sd, degrees = (a[0, 0] for a in location_scale(draws, curves, Priors(), name, slice(None)))
            raw = point["noise_weight_raw"][len(normal) :][: len(value)]
            scale = sd / np.exp(0.5 * raw / np.sqrt(degrees / 2))
            normal += stats.norm.logpdf(value, mean, scale).tolist()
            student += stats.t.logpdf(value, degrees, mean, sd).tolist()
        expected = [sum(normal[i] for i in layout.own(pair)) for pair in range(len(layout.curve))]
        assert density(point) == pytest.approx(expected, rel=1e-8)
        assert stored["value"].to_numpy()[0, 0, : len(student)] == pytest.approx(student, rel=1e-6)


def _potential(model: Any) -> Any:
    """Return a function from a point to the log density of the values of every pair of curve and metric."""
    found = variables(model, ["curves"])
    return lambda point: found(point)["curves"]


def _posterior(curves: Curves, model: Any) -> Any:
    """Return a function from a point to a posterior of this one draw."""
    names = ["curve_effect", "noise_sd", "noise_factor", "noise_tails", "sharpness"]
    names += ["baseline_level"] if len(curves.baseline) else []
    names += ["se_independent"] if curves.scores.se.any() else []
    found = variables(model, names)

    def posterior(point: Point) -> xr.Dataset:
        values = found(point)
        return xr.Dataset(
            {
                name: (("chain", "draw", *(f"{name}_{i}" for i in range(value.ndim))), value[None, None])
                for name, value in values.items()
            }
        )

    return posterior


def test_of_a_standard_error_only_the_independent_share_counts() -> None:
    with_se, without = table(("en-fr",), baseline=False, se=2.0), table(("en-fr",), baseline=False)
    curves, bare = curves_of(with_se), curves_of(without)
    model, plain = EXACT.build(curves, centred=False), EXACT.build(bare, centred=False)
    density, own = _potential(model), _potential(plain)
    (point,) = points(plain, 1)
    nothing, all_of_it = -40.0, 40.0  # logits of the share
    shared = density(point | {"se_independent_logodds__": np.full(2, nothing)})
    assert shared == pytest.approx(own(point), rel=1e-9)
    independent = point | {"se_independent_logodds__": np.full(2, all_of_it)}
    found = _posterior(curves, model)(independent)
    sd = location_scale(found, curves, Priors(), "score", slice(None))[1][0, 0]
    noise = found["noise_sd"].to_numpy()[0, 0, 0] * np.exp(found["noise_factor"].to_numpy()[0, 0, :, 0])
    resolution = RESOLUTION * CATALOGUE["bleu"].noise
    assert sd**2 == pytest.approx(noise[curves.scores.unit] ** 2 + resolution**2 + 2.0**2, rel=1e-9)
    assert not np.allclose(density(independent), own(point), rtol=1e-3)
