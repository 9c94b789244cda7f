"""The likelihood of curves is the one that its formulas say, computed with dense matrices."""

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
from bayesscale.models.discrepancy import Basis
from bayesscale.models.joint import JointModel
from bayesscale.models.priors import Priors
from tests.models.evaluate import Point, log_density, points, variables
from tests.models.tables import curves_of, table

FloatArray = NDArray[np.float64]
PRIOR = Priors().breaks
BREAKS = ("break_log_hazard", "break_scale", "break_alignment")
POTENTIALS = ("curves", "breaks", "noise_weights")
# A curve without any gain strays as if it had this one.
FLAT = 0.02


def _curves() -> Curves:
    """Return curves of 2, 3, 4, 9 and 12 sizes with standard errors.

    One has fallen, one lacks its BLEU, one was measured twice at each size.
    """
    sizes = np.geomspace(1e9, 6.4e10, 12).tolist()
    long = table(("en-fr",), ("en",), (6e6, 42e6), sizes=sizes, se=0.2)
    long = long[~((long["finetune_tokens"] == 42e6) & long["pretrain_tokens"].isin(sizes[1:6:2]))]
    fallen = (long["finetune_tokens"] == 6e6) & (long["pretrain_tokens"] > 2e10) & (long["metric"] == "bleu")
    long.loc[fallen, "value"] -= 6.0
    some = table(("en-de",))
    lost = (some["mixture"] == "en") & (some["finetune_tokens"] == 6e6) & (some["metric"] == "bleu")
    again = some[(some["mixture"] == "en+fr") & (some["finetune_tokens"] == 42e6)]
    again = again.assign(seed=1, value=1.01 * again["value"])
    ends = ("en-ro", (2e9, 3e10)), ("en-cs", (1e9, 5e9, 3e10))
    short = [table((task,), ("en",), (6e6,), sizes=sizes) for task, sizes in ends]
    return curves_of(pd.concat([long, some[~lost], again, *short], ignore_index=True).fillna({"seed": 0}))


@pytest.fixture(scope="module")
def curves() -> Curves:
    return _curves()


class _Model:
    """A built model, and what it says at a point."""

    def __init__(self, curves: Curves, breaks: str, discrepancy: bool) -> None:
        self.curves, self.metrics = curves, breakable(curves, breaks)
        self.built: Any = JointModel(breaks=breaks, discrepancy=discrepancy).build(curves)
        names = ["curve_effect", "noise_sd", "noise_factor", "noise_tails", "se_independent"]
        names += ["noise_weight_raw", "discrepancy_scale", "sharpness", *POTENTIALS, *BREAKS]
        self.find = variables(self.built, [n for n in names if n in self.built.named_vars])

    def noise(self, found: dict[str, Any]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return location, scale and degrees of freedom of all values, without breaks and discrepancies."""
        given = {"curve_effect", "noise_sd", "noise_factor", "noise_tails", "se_independent", "sharpness"}
        draws = xr.Dataset(
            {
                name: (("chain", "draw", *(f"{name}_{i}" for i in range(value.ndim))), value[None, None])
                for name, value in found.items()
                if name in given
            }
        )
        blocks = [name for name in ("score", "loss") if name in self.curves.blocks]
        parts = [location_scale(draws, self.curves, Priors(), name, slice(None)) for name in blocks]
        mean, sd, degrees = (np.concatenate(part, axis=-1)[0, 0] for part in zip(*parts, strict=True))
        return mean, sd, degrees

    def rows(self) -> pd.DataFrame:
        """Return curve, metric, size and value of all values."""
        blocks = [self.curves.scores, self.curves.losses]
        columns = {
            name: np.concatenate([getattr(b, name) for b in blocks]) for name in ("unit", "size", "value")
        }
        metric = np.concatenate([blocks[0].metric, blocks[1].metric + len(blocks[0].metrics)])
        return pd.DataFrame({**columns, "metric": metric})


def _middles(sizes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return middles and lengths of the stretches of one curve, in e-folds: halves of gaps if few."""
    ends = np.log(np.unique(sizes))
    cuts = 2 if len(ends) - 1 <= 10 else 1
    length = np.repeat(np.diff(ends), cuts) / cuts
    return ends[0] + np.cumsum(length) - length / 2, length


def _log_states(
    model: _Model,
    found: dict[str, Any],
    unit: int,
    own: pd.DataFrame,
    mean: FloatArray,
    covariance: FloatArray,
) -> list[float]:
    """Return log p(state, values) for no break by the last size and a break in each stretch of one pair."""
    metric, sizes = int(own["metric"].iloc[0]), own["size"].to_numpy()
    design = {covariate.name: covariate.values for covariate in model.curves.covariates}
    hazard = np.exp(
        found["break_log_hazard"][metric] + found["break_alignment"][metric] * design["alignment"][unit]
    )
    # Value of the unbroken law at the upper anchor; losses rise where scores fall.
    unit_slope = np.exp(found["curve_effect"][unit, 2 * metric]) * (1 if metric == 0 else -1)
    scale = found["break_scale"][metric]
    slope_mean, slope_sd = -scale, PRIOR.spread * scale
    none = stats.multivariate_normal(mean, covariance).logpdf(own["value"])
    states = [none - hazard * np.log(sizes.max() / sizes.min())]
    middle, length = _middles(sizes)
    for position, before, width in zip(
        middle, middle - length / 2 - np.log(sizes.min()), length, strict=True
    ):
        ramp = np.maximum(np.log(sizes) - position, 0.0) / model.curves.axis.span * unit_slope
        wider = covariance + slope_sd**2 * np.outer(ramp, ramp)
        broken = stats.multivariate_normal(mean + slope_mean * ramp, wider).logpdf(own["value"])
        chance = np.exp(-hazard * before) - np.exp(-hazard * (before + width))
        states.append(np.log(chance) + broken)
    return states


def _dense(model: _Model, found: dict[str, Any]) -> tuple[FloatArray, FloatArray]:
    """Return log p(values) of every pair without and with breaks, by multivariate normals; scores first."""
    rows = model.rows()
    mean, sd, degrees = model.noise(found)
    variance = sd**2 / np.exp(found["noise_weight_raw"] / np.sqrt(degrees / 2))
    whole, broken = [], []
    pairs = sorted({(int(m > 0), u, m) for u, m in zip(rows["unit"], rows["metric"], strict=True)})
    for _, unit, metric in pairs:
        own = rows[(rows["unit"] == unit) & (rows["metric"] == metric)].sort_values("size", kind="stable")
        at = own.index.to_numpy()
        covariance = np.diag(variance[at])
        if "discrepancy_scale" in found:
            level, gain = found["curve_effect"][unit, 2 * metric : 2 * metric + 2]
            scale = found["discrepancy_scale"][metric] * np.exp(level) * np.hypot(gain, FLAT)
            columns = scale * Basis.of(model.curves.axis.u(own["size"].to_numpy())).modes
            covariance = covariance + columns @ columns.T
        whole.append(stats.multivariate_normal(mean[at], covariance).logpdf(own["value"]))
        if metric < len(model.metrics):
            states = _log_states(model, found, unit, own, mean[at], covariance)
            broken.append(special.logsumexp(states))
        else:
            broken.append(whole[-1])
    return np.array(whole), np.array(broken)


@pytest.mark.parametrize("breaks", ["none", "scores", "all"])
@pytest.mark.parametrize("discrepancy", [False, True], ids=["exact laws", "discrepancy"])
def test_values_are_a_mixture_of_multivariate_normals(curves: Curves, breaks: str, discrepancy: bool) -> None:
    model = _Model(curves, breaks, discrepancy)
    for point in points(model.built, 3):
        found = model.find(point)
        whole, broken = _dense(model, found)
        assert found["curves"] == pytest.approx(whole, rel=1e-8, abs=1e-8)
        total = found["curves"].sum() + found.get("breaks", 0.0)
        assert float(total) == pytest.approx(broken.sum(), rel=1e-8)
        if breaks != "none":
            assert float(found["breaks"]) == pytest.approx((broken - whole).sum(), rel=1e-8)


def test_the_curves_have_every_structure(curves: Curves) -> None:
    rows = _Model(curves, "none", False).rows()
    pairs = rows.groupby(["unit", "metric"])["size"]
    assert {2, 3, 4, 9, 12} == set(pairs.nunique())
    assert (pairs.count() == 2 * pairs.nunique()).sum() == 2
    assert len(pairs) == 2 * len(curves) - 1


def test_weights_are_gamma(curves: Curves) -> None:
    model = _Model(curves, "none", False)
    for point in points(model.built, 2, scale=1.0, seed=2):
        found = model.find(point)
        half = model.noise(found)[2] / 2
        raw = found["noise_weight_raw"]
        assert len(raw) == len(curves.scores) + len(curves.losses)
        weight = np.exp(raw / np.sqrt(half))
        jacobian = np.log(weight / np.sqrt(half))  # of the weight by what is sampled
        expected = (stats.gamma.logpdf(weight, half, scale=1 / half) + jacobian).sum()
        assert float(found["noise_weights"]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("metric", ["bleu", "cross_entropy"])
@pytest.mark.parametrize("tails", [0.3, 3.0])
def test_the_noise_is_student_s(tails: float, metric: str) -> None:
    frame = table(("en-fr",), ("en",), (6e6,), (metric,), sizes=(1e9, 6.4e10), noise=3.0, baseline=False)
    model = _Model(curves_of(frame), "none", False)
    (start,) = points(model.built, 1, seed=3)
    noise = 1.2 if metric == "bleu" else 0.04
    start = start | {"noise_tails_log__": np.log([tails]), "noise_sd_log__": np.log([noise])}

    def density(raw: list[float]) -> float:
        point: Point = start | {"noise_weight_raw": np.array(raw)}
        found = model.find(point)
        return float(np.exp(found["curves"].sum() + found["noise_weights"]))

    # The values are independent given the rest: a product of two integrals.
    grid, step = np.linspace(-25, 8, 150, retstep=True)
    first = sum(density([raw, 0.0]) for raw in grid) * step
    second = sum(density([0.0, raw]) for raw in grid) * step
    mean, sd, degrees = model.noise(model.find(start))
    expected = stats.t.pdf(model.rows()["value"], degrees, mean, sd).prod()
    assert first * second / density([0.0, 0.0]) == pytest.approx(expected, rel=1e-5)


def test_without_breaks_and_discrepancy_nothing_of_them_is_left_and_the_density_is_the_rest(
    curves: Curves,
) -> None:
    plain, whole = _Model(curves, "none", False), _Model(curves, "scores", True)
    added = {v.name for v in whole.built.value_vars} - {v.name for v in plain.built.value_vars}
    breaks = {"break_log_hazard", "break_scale_log__", "break_alignment"}
    assert added == breaks | {"discrepancy_scale_log__"}
    for word in ("break", "discrepancy"):
        assert [name for name in plain.built.named_vars if word in name] == []
    density, without = log_density(whole.built), log_density(plain.built)
    straying = Priors().discrepancy
    for point in points(whole.built, 3, seed=4):
        found = whole.find(point)
        rest = {name: value for name, value in point.items() if name not in added}
        left = plain.find(rest)
        assert left["noise_weights"] == pytest.approx(found["noise_weights"], rel=1e-12)
        # On the unconstrained scale the prior of a log-normal is normal.
        own = found["curves"].sum() - left["curves"].sum() + found["breaks"]
        own += sum(
            stats.norm.logpdf(value, mean, sd).sum()
            for value, mean, sd in (
                (found["break_log_hazard"], np.log(PRIOR.hazard.median), PRIOR.hazard.spread),
                (np.log(found["break_scale"]), np.log(PRIOR.scale.median), PRIOR.scale.spread),
                (found["break_alignment"], PRIOR.alignment.mean, PRIOR.alignment.sd),
                (np.log(found["discrepancy_scale"]), np.log(straying.median), straying.spread),
            )
        )
        assert density(point) - own == pytest.approx(without(rest), rel=1e-9)
