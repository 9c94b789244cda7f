"""The measured values under draws: location, scale, likelihood and replicated data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bayesscale.laws import LAWS
from bayesscale.models.discrepancy import bases
from bayesscale.models.layout import lay_out
from bayesscale.models.scale import LOGARITHMIC
from bayesscale.posterior import observed
from bayesscale.posterior.draws import FOLLOWED, Draws
from bayesscale.posterior.observed import Observed, replicate
from tests.models.near_zero import away
from tests.posterior.everything import draws_in, everything


@pytest.fixture(scope="module")
def draws() -> Draws:
    return draws_in(everything())


def expected(draws: Draws, block: str, row: int, draw: int) -> tuple[float, float]:
    """Return location and scale of one observation in one draw, by the formulas."""
    part, curves = draws.curves.blocks[block], draws.curves
    unit, metric = int(part.unit[row]), curves.names.index(part.metrics[part.metric[row]])
    floor = 0.05 * draws.priors.noise[curves.names[metric]]

    near = LOGARITHMIC if metric else np.log(0.05 * draws.priors.typical.get("bleu", 25.0))

    def scale(value: float, log_noise: float, logit: float) -> float:
        own = np.exp(2 * log_noise) * away(value, near)
        return float(np.sqrt(own + floor**2 + part.se[row] ** 2 / (1 + np.exp(-logit))))

    if block == "baseline":
        noise, share = (draws[f"baseline_{name}"][draw, unit, metric] for name in ("noise", "se_share"))
        value = float(np.exp(draws["baseline_level"][draw, unit, metric]))
        return value, scale(value, noise, share)
    own = {
        name: draws[name][draw, unit, metric]
        for name in ("level", "gain", "shape", "sharpness", "noise", "se_share", "discrepancy_scale")
    }
    law = LAWS[draws.laws[int(draws[FOLLOWED][draw, unit, metric])]]
    u = curves.axis.u(part.size[row])
    value = law.value(u, own["level"], own["gain"], own["shape"], np.exp(own["sharpness"]))
    high = np.exp(own["level"])
    if metric == 0:
        beyond = u - curves.axis.u(draws["break_at"][draw, unit, 0])
        value += high * draws["break_slope"][draw, unit, 0] * max(beyond, 0.0)
    layout = lay_out(curves)
    (pair,) = np.flatnonzero((layout.curve == unit) & (layout.metric == metric))
    basis = bases(layout)[pair]
    at = int(np.argmin(np.abs(basis.u - u)))
    strayed = basis.modes[at] @ draws["discrepancy"][draw, unit, metric]
    unit_of = high * np.hypot(2 * np.tanh(own["gain"] / 2), 0.02) * np.exp(own["discrepancy_scale"])
    strayed = unit_of * strayed * away(value, near)
    return float(value + strayed), scale(value, own["noise"], own["se_share"])


def test_location_and_scale_are_those_of_the_formulas(draws: Draws) -> None:
    seen = Observed(draws)
    checked = set()
    for block, metric, rows, _ in seen.chunks():
        location, scale = seen.location_scale(block, metric, rows)
        assert location.shape == scale.shape == (len(rows), draws.count)
        checked.add(block)
        for place in range(0, len(rows), 7):
            for draw in (0, 17, 59):
                found = location[place, draw], scale[place, draw]
                assert found == pytest.approx(expected(draws, block, int(rows[place]), draw), rel=1e-10)
    assert checked == {"score", "loss", "baseline"}


def test_the_likelihood_is_that_of_student_noise(draws: Draws) -> None:
    density, _ = replicate(draws, seed=1)
    first = 0
    for block, part in draws.curves.blocks.items():
        for row in (0, len(part) - 1):
            location, scale = expected(draws, block, row, 5)
            wanted = stats.t.logpdf(part.value[row], draws.priors.degrees, location, scale)
            assert density[5, first + row] == pytest.approx(wanted, rel=1e-5)
        first += len(part)
    assert density.shape == (draws.count, first)


def test_chunks_change_no_likelihood(draws: Draws, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = replicate(draws, seed=1)
    monkeypatch.setattr(observed, "_CHUNK", 3)
    np.testing.assert_allclose(replicate(draws, seed=1)[0], whole, rtol=1e-6)


def test_replicated_data_have_the_scale_of_the_noise(draws: Draws) -> None:
    _, drawn = replicate(draws, seed=1)
    seen, ratios = Observed(draws), []
    for block, metric, rows, to in seen.chunks():
        location, scale = seen.location_scale(block, metric, rows)
        ratios.append(((drawn[:, to].T - location) / scale).ravel())
    ratio = np.concatenate(ratios)
    # Of a t-distribution the middle half lies within its quartiles.
    quartile = stats.t.ppf(0.75, draws.priors.degrees)
    assert (np.abs(ratio) < quartile).mean() == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(len(ratio)))
    assert (drawn >= 0).all()
    np.testing.assert_array_equal(replicate(draws, seed=1)[1], drawn)
    assert (replicate(draws, seed=2)[1] != drawn).mean() > 0.99


def test_without_standard_errors_breaks_and_discrepancy_only_law_and_noise_are_left(draws: Draws) -> None:
    gone = {
        "se_share",
        "se_share_mean",
        "baseline_se_share",
        "break_at",
        "discrepancy_scale",
        "discrepancy",
        "sharpness",
    }
    kept = {name: values for name, values in draws.values.items() if name not in gone}
    plain = Draws(kept, draws.curves, draws.priors, draws.laws)
    location, scale = Observed(plain).location_scale("score", 0, np.array([4]))
    unit, size = int(draws.curves.scores.unit[4]), draws.curves.scores.size[4]
    for draw in (0, 1, 2):
        law = LAWS[draws.laws[int(draws[FOLLOWED][draw, unit, 0])]]
        own = (draws[name][draw, unit, 0] for name in ("level", "gain", "shape"))
        assert location[0, draw] == pytest.approx(law.value(draws.curves.axis.u(size), *own), rel=1e-12)
    near = np.log(0.05 * draws.priors.typical.get("bleu", 25.0))
    noise = np.exp(draws["noise"][:, unit, 0]) * np.sqrt(away(location[0], near))
    np.testing.assert_allclose(scale[0], noise, rtol=1e-9)
