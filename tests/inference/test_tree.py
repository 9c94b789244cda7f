"""The tree of a fit: ArviZ's groups, with labels and units."""

from __future__ import annotations

import numpy as np
import pytest

from bayesscale.inference import Fit
from bayesscale.laws import LAWS
from bayesscale.models.assembly import assemble
from bayesscale.models.breaks import with_break
from bayesscale.posterior.draws import FOLLOWED
from tests.inference.conftest import prior_sampled
from tests.particles.simulated import cell_mean_and_scale, density, mean_and_scale

PER_OBSERVATION = (
    "log_likelihood",
    "posterior_predictive",
    "observed_data",
    "constant_data",
)


def test_all_groups_are_there(made: Fit) -> None:
    assert set(made.tree.children) == {
        "posterior",
        "coefficients",
        "metrics_table",
        *PER_OBSERVATION,
    }


def test_observations_carry_their_curve_metric_and_size(made: Fit) -> None:
    frame = made.metrics.frame
    expected = {
        (row["task"], row["mixture"], row["metric"], row["pretrain_tokens"], row["finetune_tokens"]): row[
            "value"
        ]
        for row in frame.to_dict("records")
    }
    observed = made.tree["observed_data"]["value"]
    short = {6e6: "6M", 42e6: "42M"}
    found = {}
    for key in expected:
        task, mixture, metric, pretrain, finetune = key
        label = " | ".join([task, *([] if pretrain == 0 else [mixture]), short[finetune]])
        rows = (observed["observation_curve"] == label) & (observed["observation_metric"] == metric)
        rows &= observed["observation_pretrain_tokens"] == pretrain
        (found[key],) = observed.to_numpy()[rows.to_numpy()]
    assert found == expected
    assert len(expected) == observed.size


@pytest.mark.parametrize("group", PER_OBSERVATION)
def test_every_group_of_observations_has_the_same_labels_and_units(made: Fit, group: str) -> None:
    data, observed = made.tree[group].to_dataset(), made.tree["observed_data"]["value"]
    for name in ("observation", "observation_curve", "observation_metric", "observation_pretrain_tokens"):
        assert (data[name].to_numpy() == observed[name].to_numpy()).all()
    measured = "se" if group == "constant_data" else "value"
    assert data[measured].attrs["units"] == "bleu: BLEU points; cross_entropy: nats per token"


def test_constants_are_those_of_the_data(made: Fit) -> None:
    constant = made.tree["constant_data"]
    assert constant["anchors"].to_numpy().tolist() == [made.curves.axis.lo, made.curves.axis.hi]
    assert constant["anchors"].attrs["units"] == "tokens"
    assert constant["curve"].to_numpy().tolist() == made.curves.labels
    assert constant["curve_finetune_tokens"].attrs["units"] == "log10, centred"
    assert (constant["se"].to_numpy() == 0.3).all()


def test_draws_are_labelled(made: Fit) -> None:
    posterior = made.tree["posterior"]
    assert posterior["level"].dims == ("chain", "draw", "curve", "metric")
    assert posterior["curve"].to_numpy().tolist() == made.curves.labels
    assert posterior["effect"].to_numpy().tolist()[:2] == ["bleu.level", "bleu.gain"]
    assert posterior["cell"].to_numpy().tolist() == made.curves.cell_labels
    assert posterior["task"].to_numpy().tolist() == ["en-fr", "en→日本語"]
    assert posterior["law"].to_numpy().tolist() == list(made.laws)
    assert posterior["break_metric"].to_numpy().tolist() == ["bleu"]
    assert posterior["break_at"].attrs["units"] == "tokens of pretrain_tokens"


def test_the_prior_has_what_the_posterior_has(made: Fit, paper: Fit) -> None:
    for fit in (made, paper):
        drawn, posterior = fit.prior(40), fit.tree["posterior"].to_dataset()
        prior, values = drawn["prior"].to_dataset(), drawn["prior_predictive"]["value"]
        assert (prior.sizes["draw"], values.sizes["draw"]) == (40, 40)
        assert list(values["observation_curve"]) == list(fit.tree["observed_data"]["observation_curve"])
        assert set(prior.data_vars) == set(posterior.data_vars)
        for name, draws in posterior.data_vars.items():
            assert prior[name].dims[2:] == draws.dims[2:]
            assert prior[name].shape[2:] == draws.shape[2:]


def test_coefficients_are_those_of_the_law_that_a_draw_follows(made: Fit) -> None:
    coefficients, posterior = made.tree["coefficients"], made.tree["posterior"]
    names = {f"{LAWS[law].option}_{name}" for law in made.laws for name in LAWS[law].coefficient_names}
    assert set(coefficients.data_vars) == names
    for number, law in enumerate(made.laws):
        option = LAWS[law].option
        own = [made.curves.names.index(name) for name in coefficients[f"{option}_metric"].to_numpy()]
        follows = posterior[FOLLOWED].to_numpy()[..., own] == number
        for name in LAWS[law].coefficient_names:
            found = coefficients[f"{option}_{name}"]
            assert found.dims == ("chain", "draw", "curve", f"{option}_metric")
            assert np.isnan(found.to_numpy()[~follows]).all()
            assert (~np.isnan(found.to_numpy()[follows])).mean() > 0.9


def test_coefficients_give_the_law_of_a_curve(made: Fit) -> None:
    coefficients, posterior = made.tree["coefficients"], made.tree["posterior"]
    law, checked = LAWS["saturating-law"], 0
    follows = posterior[FOLLOWED].to_numpy()[..., 0] == made.laws.index("saturating-law")
    sizes = np.geomspace(1e9, 1e12, 7)
    for chain, draw, curve in np.argwhere(follows)[:200]:
        at = {"chain": chain, "draw": draw, "curve": curve}
        names = ("level", "gain", "shape", "sharpness")
        own = {name: float(posterior[name].isel(at | {"metric": 0})) for name in names}
        if own["gain"] < 0.01:
            continue
        each = {
            name: float(coefficients[f"saturating_{name}"].isel(at | {"saturating_metric": 0}))
            for name in law.coefficient_names
        }
        sharp = np.exp(own["sharpness"])
        expected = law.value(made.curves.axis.u(sizes), own["level"], own["gain"], own["shape"], sharp)
        np.testing.assert_allclose(law.at_size(sizes, each, sharp), expected, rtol=1e-3)
        checked += 1
    assert checked > 50


def test_likelihoods_of_values_are_those_that_the_sampler_uses(made: Fit) -> None:
    # Two ways to one number: stored draws and `bayesscale.posterior`; the sampler's arrays and its formulas.
    data = assemble(made.curves, made.model)
    sampled = prior_sampled(data, made.provenance["seed"])
    stored = made.tree["log_likelihood"]["value"]
    draws, constant = sampled.local, float("nan")
    for draw in range(0, 150, 15):
        for c, m in np.argwhere(data.count):
            label, name = made.curves.labels[c], made.curves.names[m]
            rows = (stored["observation_curve"] == label) & (stored["observation_metric"] == name)
            rows &= stored["observation_pretrain_tokens"] > 0
            x, law = draws["x"][0, draw, c, m], int(draws["law"][0, draw, c, m])
            mean, scale = mean_and_scale(x, law, bool(draws["broken"][0, draw, c, m]), data, c, m)
            value = data.value[c, m, : len(mean)]
            off = stored.to_numpy()[0, draw][rows.to_numpy()].sum() - density(
                value, mean, scale, data.degrees
            )
            constant = off if np.isnan(constant) else constant
            assert off == pytest.approx(constant, abs=2e-3)
        for b, m in np.argwhere(data.cell_count):
            label, name = made.curves.cell_labels[b], made.curves.names[m]
            rows = (stored["observation_curve"] == label) & (stored["observation_metric"] == name)
            rows &= stored["observation_pretrain_tokens"] == 0
            cell, count = draws["cell"][0, draw, b, m], data.cell_count[b, m]
            level, scale = cell_mean_and_scale(cell, data, b, m)
            found = density(data.cell_value[b, m, :count], np.full(count, level), scale, data.degrees)
            off = stored.to_numpy()[0, draw][rows.to_numpy()].sum() - found
            assert off == pytest.approx(constant / 4 * count, abs=2e-3)


def test_replicated_data_keep_to_the_metric_s_range(made: Fit) -> None:
    group = made.tree["posterior_predictive"]["value"]
    bleu = group.where(group["observation_metric"] == "bleu", drop=True)
    assert float(bleu.min()) >= 0
    assert float(bleu.max()) <= 100
    assert not np.isnan(group.to_numpy()).any()


def test_breaks_of_stored_draws_are_those_of_the_sampler(made: Fit) -> None:
    data = assemble(made.curves, made.model)
    sampled = prior_sampled(data, made.provenance["seed"]).local
    at, slope = (made.tree["posterior"][name].to_numpy() for name in ("break_at", "break_slope"))
    u = made.curves.axis.u(made.curves.axis.hi)
    broken = sampled["broken"][..., 0].astype(bool)
    bend = with_break(0.0, 1.0, 0.0, slope[..., 0], u - made.curves.axis.u(at[..., 0]))
    assert (bend[broken] != 0).all()
    assert (bend[~broken] == 0).all()
