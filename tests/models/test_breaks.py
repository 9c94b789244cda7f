"""Which metrics may break, and what a break does to a curve."""

from __future__ import annotations

import numpy as np
import pytest

from bayesscale.models.breaks import breakable, sign_of, usual_breaks, with_break
from tests.models.variants import VARIANTS


def test_what_may_break() -> None:
    curves = VARIANTS["many metrics"]()
    assert breakable(curves, "none") == ()
    assert breakable(curves, "scores") == ("bleu", "chrf", "comet")
    assert breakable(curves, "all") == ("bleu", "chrf", "comet", "cross_entropy")
    assert breakable(VARIANTS["loss alone"](), "scores") == ()


def test_scores_break_along_the_pretraining_data_unless_told_otherwise() -> None:
    assert usual_breaks("pretrain_tokens") == "scores"
    assert usual_breaks("finetune_tokens") == "none"


def test_a_broken_score_falls_below_its_law_and_a_broken_loss_rises_above() -> None:
    u = np.linspace(0, 2, 9)
    law, level, slope, at = 20 + 5 * u, np.log(25.0), -0.4, 0.75
    expected = np.where(u > at, -0.4 * 25 * (u - at), 0.0)
    for metric, sign in (("bleu", 1.0), ("cross_entropy", -1.0)):
        assert sign_of(metric) == sign
        found = with_break(law, sign, level, slope, u - at)
        assert found - law == pytest.approx(sign * expected)
        assert (with_break(law, sign, level, slope, u - np.inf) == law).all()
