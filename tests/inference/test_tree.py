"""The tree of a fit: ArviZ's groups, with labels and units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from bayesscale.inference import Fit
from bayesscale.inference.tree import INTERNAL, without_internals

PER_OBSERVATION = (
    "log_likelihood",
    "posterior_predictive",
    "prior_predictive",
    "observed_data",
    "constant_data",
)


def test_all_groups_are_there(made: Fit) -> None:
    of_law = {"posterior", "sample_stats", "log_likelihood", "posterior_predictive"}
    groups = of_law | {f"{name}_saturating" for name in of_law} | {"prior", "metrics_table", *PER_OBSERVATION}
    assert set(made.tree.children) == groups


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


def test_draws_are_labelled_and_the_sampler_s_coordinates_left_out(made: Fit) -> None:
    posterior = made.tree["posterior"]
    assert set(posterior.data_vars) & set(INTERNAL) == set()
    assert posterior["curve_effect"].dims == ("chain", "draw", "curve", "effect")
    assert posterior["effect"].to_numpy().tolist()[:2] == ["bleu.level", "bleu.gain"]
    assert posterior["cell"].to_numpy().tolist() == made.curves.cell_labels
    assert posterior["noise_sd"].attrs["units"] == "bleu: BLEU points; cross_entropy: nats per token"
    assert posterior["loss_E"].attrs["units"] == "cross_entropy: nats per token"
    assert posterior["score_alpha"].dims == ("chain", "draw", "curve", "score")


def test_internal_coordinates_are_taken_out_of_draws() -> None:
    draws = xr.Dataset(
        {
            "mean": (("chain", "draw"), np.zeros((1, 2))),
            "noise_sd_log__": (("chain", "draw"), np.zeros((1, 2))),
            "curve_raw": (("chain", "draw", "curve"), np.zeros((1, 2, 3))),
        },
        coords={"unconstrained_parameter": ["a", "b"]},
    )
    left = without_internals(draws)
    assert set(left.variables) == {"mean"}


def test_a_fit_merges_chains_in_order(made: Fit) -> None:
    draws = made.draws("noise_sd")
    stored = made.tree["posterior"]["noise_sd"].transpose("chain", "draw", "metric").to_numpy()
    whole = stored.shape[0] * stored.shape[1]
    assert draws.shape == (2 * whole, 2)
    assert (draws[stored.shape[1]] == stored[1, 0]).all()
    assert (draws[whole:] == made.draws("noise_sd", "posterior_saturating")).all()
    assert made.law_counts() == {"log-law": whole, "saturating-law": whole}
    assert made.has("baseline_slope")
    assert not made.has("curve_raw")


@pytest.mark.parametrize(("weight", "counts"), [(0.25, (100, 300)), (0.0, (0, 300)), (1.0, (300, 0))])
def test_laws_have_so_many_draws_as_their_weights_say(
    made: Fit, weight: float, counts: tuple[int, int]
) -> None:
    weights = {"log-law": weight, "saturating-law": 1 - weight}
    weighted = replace(made, provenance={**made.provenance, "weights": weights})
    found = weighted.law_counts()
    assert tuple(found.get(law, 0) for law in weights) == counts
    draws = weighted.draws("curve_effect")
    assert len(draws) == sum(counts)
    kept = draws[: counts[0]]
    assert np.isin(kept, made.draws("curve_effect", "posterior")).all()
    assert len(np.unique(kept, axis=0)) == counts[0]


def test_a_fit_says_in_one_sentence_what_it_is(made: Fit) -> None:
    assert str(made).startswith(
        "DataFrame: 8 curves in pretrain_tokens, 72 scores of bleu, cross_entropy; log-law and "
        "saturating-law, each 2 chains of 150"
    )
    assert "not converged" in str(made)
