"""Everything that is scored of the hypotheses of one finetuned model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bayesscale.harness.scoring.text import BleuScore, TextScore, bleu, chrf
from bayesscale.harness.study.training import ScoringConfig


@dataclass(frozen=True)
class Scored:
    """The scores of a set of hypotheses, in the order of the study's metrics.

    For each domain its sentences and its BLEU; empty where the test set has no domains.
    """

    scores: tuple[TextScore, ...]
    by_domain: dict[str, tuple[int, BleuScore]]


def score_hypotheses(
    hypotheses: Sequence[str],
    references: Sequence[str],
    domains: Sequence[str],
    config: ScoringConfig,
) -> Scored:
    """Return all scores of hypotheses that a study asks for."""
    scores: list[TextScore] = []
    if "bleu" in config.metrics:
        scores.append(bleu(hypotheses, references, tokenize=config.tokenize, bootstrap=config.bootstrap))
    if "chrf" in config.metrics:
        scores.append(chrf(hypotheses, references, bootstrap=config.bootstrap))
    by_domain = {}
    labels = sorted(set(domains) - {""})
    for label in labels if "bleu" in config.metrics else ():
        chosen = [index for index, domain in enumerate(domains) if domain == label]
        found = bleu(
            [hypotheses[index] for index in chosen],
            [references[index] for index in chosen],
            tokenize=config.tokenize,
            bootstrap=config.bootstrap,
        )
        by_domain[label] = (len(chosen), found)
    return Scored(tuple(scores), by_domain)
