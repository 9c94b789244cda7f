"""BLEU and chrF by sacreBLEU, with the whole signature and a bootstrap standard error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bayesscale.errors import TrainingError
from bayesscale.harness.study.training import ScoringConfig

# sacreBLEU gives the half-width of a 95% interval under the name confidence_var.
_HALF_WIDTHS = 1.959964
_DECIMALS = 12
_RESAMPLES = 1000


@dataclass(frozen=True)
class TextScore:
    """A score of hypotheses against references, from 0 to 100.

    `se` is the bootstrap standard error; None where all resamples score the same, which says nothing of the
    error. The signature is sacreBLEU's, bootstrap included.
    """

    metric: str
    value: float
    se: float | None
    signature: str


@dataclass(frozen=True)
class BleuScore(TextScore):
    """BLEU with its parts: precisions of n-grams, n from 1 to 4, from 0 to 100; lengths in its own tokens."""

    brevity_penalty: float
    precisions: tuple[float, ...]
    hypothesis_length: int
    reference_length: int


@dataclass(frozen=True)
class Scored:
    """The scores of a set of hypotheses, in the order of the study's metrics.

    For each domain its sentences and its BLEU; empty where the test set has no domains.
    """

    scores: tuple[TextScore, ...]
    by_domain: dict[str, tuple[int, BleuScore]]


def bleu(
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    tokenize: str = "13a",
    bootstrap: int = _RESAMPLES,
) -> BleuScore:
    """Return the BLEU of detokenised hypotheses; `tokenize` is sacreBLEU's tokenizer.

    All scores on one test set share the resamples behind the standard error: the models have its error in
    common.
    """
    from sacrebleu.metrics.bleu import BLEU

    # force: no advice about hypotheses that look tokenized, which early checkpoints do write.
    metric = BLEU(tokenize=tokenize, force=True)
    found, se, signature = _score(metric, hypotheses, references, bootstrap)
    parts = found.bp, tuple(found.precisions), found.sys_len, found.ref_len
    return BleuScore("bleu", _within(found.score), se, signature, *parts)


def chrf(hypotheses: Sequence[str], references: Sequence[str], *, bootstrap: int = _RESAMPLES) -> TextScore:
    """Return the chrF2 of hypotheses."""
    from sacrebleu.metrics.chrf import CHRF

    found, se, signature = _score(CHRF(), hypotheses, references, bootstrap)
    return TextScore("chrf", _within(found.score), se, signature)


def score_hypotheses(
    hypotheses: Sequence[str], references: Sequence[str], domains: Sequence[str], config: ScoringConfig
) -> Scored:
    """Return all scores of hypotheses that a study asks for."""
    scores: list[TextScore] = []
    if "bleu" in config.metrics:
        scores.append(bleu(hypotheses, references, tokenize=config.tokenize, bootstrap=config.bootstrap))
    if "chrf" in config.metrics:
        scores.append(chrf(hypotheses, references, bootstrap=config.bootstrap))
    by_domain = {}
    for label in sorted(set(domains) - {""}) if "bleu" in config.metrics else ():
        chosen = [index for index, domain in enumerate(domains) if domain == label]
        ours, theirs = ([side[index] for index in chosen] for side in (hypotheses, references))
        found = bleu(ours, theirs, tokenize=config.tokenize, bootstrap=config.bootstrap)
        by_domain[label] = (len(chosen), found)
    return Scored(tuple(scores), by_domain)


def _score(
    metric: Any, hypotheses: Sequence[str], references: Sequence[str], bootstrap: int
) -> tuple[Any, float | None, str]:
    """Return sacreBLEU's score, its standard error and its signature; refuse what cannot be compared."""
    if len(hypotheses) != len(references) or not references:
        raise TrainingError(
            "every reference has one hypothesis, and there is at least one; "
            f"received {len(hypotheses)} hypotheses and {len(references)} references"
        )
    found = metric.corpus_score(list(hypotheses), [list(references)], n_bootstrap=bootstrap)
    signature = str(metric.get_signature())
    document = json.loads(found.format(width=_DECIMALS, signature=signature, is_json=True))
    se = document.get("confidence_var", 0.0) / _HALF_WIDTHS
    return found, se or None, signature


def _within(score: float) -> float:
    """Return a score that rounding has not carried beyond the ends of its scale."""
    return min(max(float(score), 0.0), 100.0)
