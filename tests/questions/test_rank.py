"""Mixtures are ranked by what they are worth, with probabilities that fit together."""

from __future__ import annotations

import numpy as np
import pytest

from bayesscale.errors import QuestionError, UsageError
from bayesscale.inference import Fit
from bayesscale.questions.forecast import forecast
from bayesscale.questions.rank import rank

GROUP = ["task", "finetune_tokens", "metric"]


def test_probabilities_of_the_best_sum_to_one_and_pairs_are_complementary(uncertain: Fit) -> None:
    answer = rank(uncertain, [1e12])
    assert answer.frame().groupby(GROUP)["p_best"].sum().to_numpy() == pytest.approx(1.0)
    pairs = answer.pair_frame()
    mirrored = pairs.rename(columns={"mixture": "than", "than": "mixture", "p_better": "p_worse"})
    both = pairs.merge(mirrored, on=[*GROUP, "mixture", "than"])
    assert len(both) == len(pairs) > 0
    assert (both["p_better"] + both["p_worse"]).to_numpy() == pytest.approx(1.0)


def test_the_best_comes_first_which_for_losses_is_the_lowest(uncertain: Fit) -> None:
    for (_, _, metric), own in rank(uncertain, [1e12]).frame().groupby(GROUP):
        change = np.diff(own["median"])
        assert (change >= 0).all() if metric == "cross_entropy" else (change <= 0).all()


def test_the_laws_are_those_of_the_forecast(uncertain: Fit) -> None:
    keys = ["task", "mixture", "finetune_tokens", "metric"]
    ranked = rank(uncertain, [1e12]).frame().set_index(keys)["median"].sort_index()
    told = forecast(uncertain, [1e12]).frame().set_index(keys)["law_median"].sort_index()
    assert ranked.to_numpy() == pytest.approx(told.to_numpy(), rel=1e-3)


def test_one_mixture_or_no_pretraining_is_no_ranking(uncertain: Fit) -> None:
    with pytest.raises(QuestionError, match="needs two mixtures"):
        rank(uncertain, [1e12], mixtures=["en"])
    with pytest.raises(UsageError, match="received size 0"):
        rank(uncertain, [0.0])
