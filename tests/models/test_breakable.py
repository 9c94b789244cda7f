"""The likelihood of values that may break is the one that its formulas say, computed another way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.typing import NDArray
from scipy import special, stats

from bayesscale.inference.derived import location_scale
from bayesscale.metrics.curves import Curves
from bayesscale.models.breaks import breakable
from bayesscale.models.joint import JointModel
from bayesscale.models.priors import Priors
from tests.models.evaluate import Point, log_density, observed_log_density, points, variables
from tests.models.tables import curves_of, table

FloatArray = NDArray[np.float64]
PRIOR = Priors().breaks
BREAKS = ("break_log_hazard", "break_scale", "break_alignment")


def _curves() -> Curves:
    """Return curves of 2, 4 and 9 sizes, one of them fallen; one without its BLEU; with standard errors."""
    long = table(("en-fr",), ("en",), (6e6, 42e6), sizes=np.geomspace(1e9, 6.4e10, 9).tolist(), se=0.2)
    fallen = (long["finetune_tokens"] == 6e6) & (long["pretrain_tokens"] > 2e10) & (long["metric"] == "bleu")
    long.loc[fallen, "value"] -= 6.0
    frame = pd.concat([long, table(("en-de",)), table(("en-ro",), ("en",), (6e6,), sizes=(2e9, 3e10))])
    lost = (frame["task"] == "en-de") & (frame["mixture"] == "en") & (frame["finetune_tokens"] == 6e6)
    return curves_of(frame[~(lost & (frame["metric"] == "bleu"))].reset_index(drop=True))


@pytest.fixture(scope="module")
def curves() -> Curves:
    return _curves()


class _Model:
    """A built model, and what it says at a point."""

    def __init__(self, curves: Curves, breaks: str, *, centred: bool = True) -> None:
        self.curves, self.metrics = curves, breakable(curves, breaks)
        self.built: Any = JointModel(breaks=breaks).build(curves, centred=centred)
        names = ["curve_effect", "noise_sd", "noise_factor", "noise_tails", "baseline_level"]
        names += ["se_independent"] if curves.scores.se.any() else []
        names += ["noise_weight_raw", "breaks", "noise_weights", *BREAKS] if self.metrics else []
        self.find = variables(self.built, [n for n in names if n in self.built.named_vars])

    def noise(self, found: dict[str, Any]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return location, scale and degrees of freedom of the values that may break, without breaks."""
        draws = xr.Dataset(
            {
                name: (("chain", "draw", *(f"{name}_{i}" for i in range(value.ndim))), value[None, None])
                for name, value in found.items()
                if not name.startswith("break") and name not in ("noise_weights", "noise_weight_raw")
            }
        )
        blocks = ["score", "loss"][: 2 if "cross_entropy" in self.metrics else 1]
        parts = [location_scale(draws, self.curves, Priors(), name, slice(None)) for name in blocks]
        mean, sd, degrees = (np.concatenate(part, axis=-1)[0, 0] for part in zip(*parts, strict=True))
        return mean, sd, degrees

    def rows(self) -> pd.DataFrame:
        """Return curve, metric, size and value of the values that may break."""
        blocks = [self.curves.scores, self.curves.losses][: 2 if "cross_entropy" in self.metrics else 1]
        first = [self.curves.names.index(rows.metrics[0]) for rows in blocks]
        columns = {
            name: np.concatenate([getattr(b, name) for b in blocks]) for name in ("unit", "size", "value")
        }
        metric = np.concatenate([rows.metric + start for rows, start in zip(blocks, first, strict=True)])
        return pd.DataFrame({**columns, "metric": metric})


def _middles(sizes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return middles and lengths of the stretches of one curve, in e-folds: halves of gaps if few."""
    ends = np.log(np.sort(sizes))
    cuts = 2 if len(ends) - 1 <= 10 else 1
    length = np.repeat(np.diff(ends), cuts) / cuts
    return ends[0] + np.cumsum(length) - length / 2, length


def _log_mixture(model: _Model, found: dict[str, Any]) -> float:
    """Return log p(values) with breaks minus that without, by densities of multivariate normals."""
    rows, curves = model.rows(), model.curves
    mean, sd, degrees = model.noise(found)
    variance = sd**2 / np.exp(found["noise_weight_raw"] / np.sqrt(degrees / 2))
    design = {covariate.name: covariate.values for covariate in curves.covariates}
    total = 0.0
    for unit, metric in sorted(set(zip(rows["unit"], rows["metric"], strict=True))):
        own = rows[(rows["unit"] == unit) & (rows["metric"] == metric)]
        at = own.index.to_numpy()
        hazard = np.exp(
            found["break_log_hazard"][metric] + found["break_alignment"][metric] * design["alignment"][unit]
        )
        # Value of the unbroken law at the upper anchor; losses rise where scores fall.
        unit_slope = np.exp(found["curve_effect"][unit, 2 * metric]) * (1 if metric == 0 else -1)
        scale = found["break_scale"][metric]
        slope_mean, slope_sd = -scale, PRIOR.spread * scale
        none = stats.multivariate_normal(mean[at], np.diag(variance[at])).logpdf(own["value"])
        middle, length = _middles(own["size"].to_numpy())
        start = middle - length / 2 - np.log(own["size"].min())
        states = [-hazard * np.log(own["size"].max() / own["size"].min())]
        for position, before, width in zip(middle, start, length, strict=True):
            ramp = np.maximum(np.log(own["size"].to_numpy()) - position, 0.0) / curves.axis.span * unit_slope
            covariance = np.diag(variance[at]) + slope_sd**2 * np.outer(ramp, ramp)
            broken = stats.multivariate_normal(mean[at] + slope_mean * ramp, covariance).logpdf(own["value"])
            chance = np.exp(-hazard * before) - np.exp(-hazard * (before + width))
            states.append(np.log(chance) + broken - none)
        total += special.logsumexp(states)
    return total


@pytest.mark.parametrize("breaks", ["scores", "all"])
def test_breaks_are_a_mixture_of_multivariate_normals(curves: Curves, breaks: str) -> None:
    model = _Model(curves, breaks)
    for point in points(model.built, 4):
        found = model.find(point)
        assert float(found["breaks"]) == pytest.approx(_log_mixture(model, found), rel=1e-8)


@pytest.mark.parametrize("breaks", ["scores", "all"])
def test_given_its_weight_a_value_is_normal_around_the_unbroken_law(curves: Curves, breaks: str) -> None:
    model = _Model(curves, breaks)
    density, value = observed_log_density(model.built, "breakable_value"), model.rows()["value"]
    for point in points(model.built, 2, seed=1):
        found = model.find(point)
        mean, sd, degrees = model.noise(found)
        scale = sd / np.exp(0.5 * found["noise_weight_raw"] / np.sqrt(degrees / 2))
        assert density(point) == pytest.approx(stats.norm.logpdf(value, mean, scale), rel=1e-8)


def test_weights_are_gamma(curves: Curves) -> None:
    model = _Model(curves, "all")
    for point in points(model.built, 2, scale=1.0, seed=2):
        found = model.find(point)
        half = model.noise(found)[2] / 2
        raw = found["noise_weight_raw"]
        weight = np.exp(raw / np.sqrt(half))
        jacobian = np.log(weight / np.sqrt(half))  # of the weight by what is sampled
        expected = (stats.gamma.logpdf(weight, half, scale=1 / half) + jacobian).sum()
        assert float(found["noise_weights"]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("tails", [0.3, 3.0])
def test_the_noise_is_student_s(tails: float) -> None:
    small = curves_of(table(("en-fr",), ("en",), (6e6,), ("bleu",), sizes=(1e9, 6.4e10), noise=3.0))
    model = _Model(small, "scores")
    normal = observed_log_density(model.built, "breakable_value")
    (start,) = points(model.built, 1, seed=3)
    start = start | {"noise_tails_log__": np.log([tails]), "noise_sd_log__": np.log([1.2])}

    def density(raw: list[float]) -> float:
        point: Point = start | {"noise_weight_raw": np.array(raw)}
        return float(np.exp(normal(point).sum() + model.find(point)["noise_weights"]))

    # The values are independent given the rest: a product of two integrals.
    grid, step = np.linspace(-25, 8, 150, retstep=True)
    first = sum(density([raw, 0.0]) for raw in grid) * step
    second = sum(density([0.0, raw]) for raw in grid) * step
    mean, sd, degrees = model.noise(model.find(start))
    expected = stats.t.pdf(model.rows()["value"], degrees, mean, sd).prod()
    assert first * second / density([0.0, 0.0]) == pytest.approx(expected, rel=1e-5)


def test_without_breaks_nothing_of_them_is_left_and_the_density_is_the_rest(curves: Curves) -> None:
    plain, broken = _Model(curves, "none"), _Model(curves, "scores")
    added = {v.name for v in broken.built.value_vars} - {v.name for v in plain.built.value_vars}
    assert added == {"noise_weight_raw", "break_log_hazard", "break_scale_log__", "break_alignment"}
    assert [name for name in plain.built.named_vars if "break" in name or "weight" in name] == []
    density, without = log_density(broken.built), log_density(plain.built)
    normal = observed_log_density(broken.built, "breakable_value")
    for point in points(broken.built, 3, seed=4):
        found = broken.find(point)
        own = normal(point).sum() + found["breaks"] + found["noise_weights"]
        own += stats.norm.logpdf(
            found["break_log_hazard"], np.log(PRIOR.hazard.median), PRIOR.hazard.spread
        ).sum()
        own += stats.norm.logpdf(
            np.log(found["break_scale"]), np.log(PRIOR.scale.median), PRIOR.scale.spread
        ).sum()
        own += stats.norm.logpdf(found["break_alignment"], PRIOR.alignment.mean, PRIOR.alignment.sd).sum()
        mean, sd, degrees = broken.noise(found)
        student = stats.t.logpdf(broken.rows()["value"], degrees, mean, sd).sum()
        rest = {name: value for name, value in point.items() if name not in added}
        assert density(point) - own + student == pytest.approx(without(rest), rel=1e-9)
