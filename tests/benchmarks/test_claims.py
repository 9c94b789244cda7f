"""Claims asked of fits that were made up: what is asked, and how an answer becomes a verdict."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks import claims
from benchmarks.claims import OPEN, REFUTED, SUPPORTED, Claim
from benchmarks.held_out import guide
from tests.questions.breaking import breaking
from tests.questions.made_up import MadeUp, rows

SIZES = (1e9, 3e9, 1e10, 3e10, 1e11)


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a table as it is bundled, with its row a model."""
    monkeypatch.setattr(claims, "ALIGNED", "en+fr")
    monkeypatch.setattr(claims, "MISLEADING", "en")
    path = tmp_path / "table.csv"
    rows(tasks=("en-fr",), sizes=SIZES).to_csv(path, index=False)
    pd.DataFrame({"brevity_penalty": [1.0] * 19 + [0.9]}).to_csv(path.with_suffix(".models.csv"))
    return path


def _found(table: Path, *, at: float) -> dict[str, Claim]:
    """Return the claims on a fit whose BLEU breaks at a size."""
    made = MadeUp(table=rows(tasks=("en-fr",), sizes=SIZES), draws=40, width=0.05, noise=0.3)
    found = [claim.judged() for claim in claims.claims(breaking(made.fit(), at=at), table)]
    return {claim.claim: claim for claim in found}


@pytest.mark.parametrize(
    ("p", "verdict"),
    [(1.0, SUPPORTED), (0.95, SUPPORTED), (0.94, OPEN), (0.06, OPEN), (0.05, REFUTED), (None, OPEN)],
)
def test_a_probability_becomes_a_verdict(p: float | None, verdict: str) -> None:
    assert Claim("a", "b", "c", p).judged().verdict == verdict


def test_a_verdict_that_is_given_stays() -> None:
    assert Claim("a", "b", "c", 0.5, verdict=SUPPORTED).judged().verdict == SUPPORTED


def test_every_claim_has_its_question_and_a_verdict(table: Path) -> None:
    found = _found(table, at=1e30)
    assert len(found) == 15
    for claim in found.values():
        assert claim.verdict in (SUPPORTED, REFUTED, OPEN)
        assert claim.probability is None or 0 <= claim.probability <= 1
        assert claim.question == "none" or "bayesscale" in claim.question or ".models.csv" in claim.question
    # The effects that were made up: 14 BLEU without pretraining, about 25 with it.
    assert found["Pretraining on an aligned mixture helps where D_f is small."].verdict == SUPPORTED
    assert found["At the largest D_f pretraining is not worth it."].verdict == REFUTED
    assert found["With an aligned mixture the law of BLEU holds."].verdict == SUPPORTED
    assert (
        found["A misaligned mixture breaks in BLEU: past some D_p the score stalls or falls."].verdict
        == REFUTED
    )
    assert found["The broken mixtures are those with the lowest BLEU."].verdict == OPEN
    penalty = next(claim for name, claim in found.items() if "brevity" in name)
    assert (penalty.verdict, penalty.told) == (SUPPORTED, ["95.0% of 20 models; the smallest is 0.900"])


def test_breaks_turn_the_verdicts_on_laws(table: Path) -> None:
    found = _found(table, at=3e9)
    assert found["With an aligned mixture the law of BLEU holds."].verdict == REFUTED
    assert (
        found["A misaligned mixture breaks in BLEU: past some D_p the score stalls or falls."].verdict
        == SUPPORTED
    )
    # All curves broke, so whatever mixture is the lowest is a broken one where it is not the aligned one.
    lowest = found["The broken mixtures are those with the lowest BLEU."]
    assert lowest.probability is None
    assert "broken: en;" in lowest.told[0]


def test_the_guide_is_scored_by_what_came() -> None:
    made = MadeUp(table=rows(tasks=("en-fr",), sizes=SIZES), draws=40, width=0.05, noise=0.3).fit()
    found = guide(made, made.metrics)
    assert len(found["rows"]) == 4
    for size in (6e6, 42e6):
        reached = [row["reached"] for row in found["rows"] if row["finetune_tokens"] == size]
        assert any(reached)  # the target is the median, so that somebody reaches it
    expected = sum((row["p_target"] - row["reached"]) ** 2 for row in found["rows"]) / 4
    assert found["brier"] == pytest.approx(expected, abs=1e-3)
