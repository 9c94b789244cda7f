"""A fit as a value: its draws, its laws and its model."""

from __future__ import annotations

import numpy as np
import pytest

from bayesscale.inference import Fit
from bayesscale.models.assembly import assemble
from bayesscale.models.model import SCORE_LAWS, Model
from tests.inference.conftest import CHAINS, DRAWS


def test_draws_merge_chains_in_order(made: Fit) -> None:
    draws = made.draws("noise_mean")
    stored = made.tree["posterior"]["noise_mean"].to_numpy()
    assert draws.shape == (CHAINS * DRAWS, 2)
    assert (draws[DRAWS] == stored[1, 0]).all()
    assert made.count == CHAINS * DRAWS
    assert made.arrays.count == made.count


def test_it_says_what_it_has(made: Fit, paper: Fit) -> None:
    names = ("baseline_slope", "break_at", "discrepancy", "se_share", "sharpness_mean")
    assert all(made.has(name) for name in names)
    assert not any(paper.has(name) for name in names)
    assert paper.has("level")
    with pytest.raises(KeyError):
        paper.draws("break_at")


def test_laws_are_those_that_metrics_may_follow(made: Fit, paper: Fit) -> None:
    assert made.laws == (*SCORE_LAWS, "power-law")
    assert made.allowed("bleu") == SCORE_LAWS
    assert made.allowed("cross_entropy") == ("power-law",)
    assert paper.laws == ("log-law", "power-law")
    assert paper.allowed("bleu") == ("log-law",)


def test_its_model_is_the_one_that_was_fitted(made: Fit, paper: Fit) -> None:
    assert made.model == Model(made.priors, SCORE_LAWS, "scores")
    assert made.breaks == "scores"
    assert paper.model == Model(paper.priors, ("log-law",), "none", discrepancy=False, sharp=False)
    assert paper.breaks == "none"
    shares = assemble(made.curves, made.model).allowed
    assert ((made.draws("law_share") > 0).any(axis=0) == shares).all()


def test_numbers_of_laws_are_within_what_is_allowed(made: Fit) -> None:
    law = made.draws("curve_law")
    for metric, name in enumerate(made.curves.names):
        followed = {made.laws[number] for number in np.unique(law[..., metric])}
        assert followed == set(made.allowed(name))


def test_a_fit_says_in_one_sentence_what_it_is(made: Fit) -> None:
    said = str(made)
    assert said.startswith("DataFrame: 8 curves in pretrain_tokens, 72 scores of bleu, cross_entropy; ")
    assert "; 2 chains of 150 draws; not converged" in said
