"""Scores agree with sacreBLEU, standard errors with the spread they stand for."""

from __future__ import annotations

import numpy as np
import pytest

from bayesscale.errors import TrainingError
from bayesscale.harness.study.training import ScoringConfig

sacrebleu = pytest.importorskip(
    "sacrebleu", reason="sacrebleu is not installed: pip install 'bayesscale[train]'"
)

from bayesscale.harness.scoring import bleu, chrf, loss_score, score_hypotheses

WORDS = [*"abcdefghijklmn"]


def _sentences(count: int, kept: float = 0.7) -> tuple[list[str], list[str]]:
    """Return references, and hypotheses in which a share of the words is right."""
    random = np.random.default_rng(0)
    references = [" ".join(random.choice(WORDS, random.integers(6, 16))) for _ in range(count)]
    hypotheses = [
        " ".join(word if random.random() < kept else str(random.choice(WORDS)) for word in line.split())
        for line in references
    ]
    return hypotheses, references


def test_scores_are_those_of_sacrebleu() -> None:
    hypotheses, references = _sentences(60)
    ours = bleu(hypotheses, references, bootstrap=50)
    theirs = sacrebleu.corpus_bleu(hypotheses, [references])
    assert ours.value == pytest.approx(theirs.score)
    assert ours.precisions == pytest.approx(theirs.precisions)
    assert ours.brevity_penalty == pytest.approx(theirs.bp)
    assert (ours.hypothesis_length, ours.reference_length) == (theirs.sys_len, theirs.ref_len)
    assert chrf(hypotheses, references, bootstrap=50).value == pytest.approx(
        sacrebleu.corpus_chrf(hypotheses, [references]).score
    )


def test_signatures_hold_everything_and_the_bootstrap() -> None:
    hypotheses, references = _sentences(10)
    signature = bleu(hypotheses, references, bootstrap=50, tokenize="intl").signature
    assert signature == (
        f"nrefs:1|bs:50|seed:12345|case:mixed|eff:no|tok:intl|smooth:exp|version:{sacrebleu.__version__}"
    )
    assert "nc:6|nw:0" in chrf(hypotheses, references, bootstrap=50).signature


def test_the_standard_error_is_the_spread_over_test_sets() -> None:
    # 100 sets of 100 sentences: the bootstrap of one set must predict how much the sets differ. The spread of
    # 100 scores is known to 7%, one bootstrap with 200 resamples to about 10%.
    hypotheses, references = _sentences(10_000)
    found = [
        bleu(
            hypotheses[start : start + 100],
            references[start : start + 100],
            bootstrap=200 if start < 500 else 2,
        )
        for start in range(0, 10_000, 100)
    ]
    spread = np.std([score.value for score in found], ddof=1)
    guessed = np.mean([score.se or np.nan for score in found[:5]])
    assert guessed == pytest.approx(spread, rel=0.3)


def test_a_perfect_score_is_100_and_a_useless_one_has_no_standard_error() -> None:
    _, references = _sentences(20)
    assert bleu(references, references, bootstrap=10).value == 100
    silent = bleu([""] * 20, references, bootstrap=10)
    assert (silent.value, silent.se) == (0.0, None)


def test_hypotheses_that_do_not_fit_the_references_are_refused() -> None:
    with pytest.raises(TrainingError, match="received 1 hypotheses and 2 references"):
        bleu(["a"], ["a", "b"])
    with pytest.raises(TrainingError, match="at least one"):
        chrf([], [])


def test_every_domain_is_scored_alone_and_rows_come_as_asked() -> None:
    hypotheses, references = _sentences(40)
    domains = ["law", "tale"] * 20
    found = score_hypotheses(
        hypotheses, references, domains, ScoringConfig(metrics=("bleu", "chrf"), bootstrap=20)
    )
    assert [score.metric for score in found.scores] == ["bleu", "chrf"]
    assert {name: number for name, (number, _) in found.by_domain.items()} == {"law": 20, "tale": 20}
    assert found.by_domain["law"][1].value == pytest.approx(
        sacrebleu.corpus_bleu(hypotheses[::2], [references[::2]]).score
    )
    unlabelled = score_hypotheses(hypotheses, references, [""] * 40, ScoringConfig(bootstrap=20))
    assert unlabelled.by_domain == {}


def test_losses_are_ratios_of_sums_with_the_standard_error_of_a_ratio() -> None:
    random = np.random.default_rng(1)
    tokens = random.integers(5, 40, size=4000)
    nats = tokens * 2.0 + random.normal(0, 1, size=4000) * np.sqrt(tokens)
    score = loss_score(nats, tokens, ["é" * int(n) for n in tokens])
    assert score.per_token == pytest.approx(nats.sum() / tokens.sum())
    # Residuals have variance 1 a token, so that of the ratio is 1 / tokens.
    assert score.per_token_se == pytest.approx(1 / np.sqrt(tokens.sum()), rel=0.05)
    assert score.bytes == 2 * tokens.sum() + 4000  # two bytes a letter, one for the end of each sentence
    assert score.per_byte == pytest.approx(nats.sum() / score.bytes)


def test_a_loss_of_one_sentence_has_no_standard_error() -> None:
    assert loss_score([3.0], [2], ["a"]).per_token_se is None
    with pytest.raises(TrainingError, match="received 0, 0 and 0"):
        loss_score([], [], [])
