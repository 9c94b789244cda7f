"""Say before anything is trained whether there are enough tokens for every mixture and every D_f."""

from __future__ import annotations

from bayesscale.errors import CorpusError
from bayesscale.harness.study.config import Study
from bayesscale.harness.study.data import TaskConfig
from bayesscale.harness.study.mixtures import MixtureConfig
from bayesscale.harness.tokens.prepared import Prepared
from bayesscale.harness.tokens.subset import nested_subset


def supply_problems(study: Study, prepared: Prepared) -> list[str]:
    """Return a sentence for each mixture and each D_f that cannot be had."""
    mixtures = [_of_mixture(study, mixture, prepared) for mixture in study.mixtures]
    tasks = [_of_task(study, task, prepared) for task in study.tasks]
    return [problem for problem in mixtures + tasks if problem]


def check_supply(study: Study, prepared: Prepared) -> None:
    """Refuse a study that needs more tokens than there are; the CorpusError lists every mixture and D_f."""
    if problems := supply_problems(study, prepared):
        raise CorpusError(
            "the text does not suffice for the study, or the steps for the text:"
            + "".join(f"\n  {p}" for p in problems)
        )


def _of_mixture(study: Study, mixture: MixtureConfig, prepared: Prepared) -> str | None:
    """Return what a mixture lacks: its text is seen once."""
    length, wanted = study.pretraining.length, study.checkpoint_tokens(mixture)[-1]
    try:
        order = prepared.mixture(mixture.shares, length, study.seeds[0])
    except CorpusError as error:
        return f"mixture {mixture.name}: {error}"
    largest = order.limit * length
    if wanted <= largest:
        return None
    have = ", ".join(f"{language} {prepared.counts[language]:,}" for language in order.languages)
    return (
        f"mixture {mixture.name}: {wanted:,} tokens are asked for, and one pass over the text gives "
        f"{largest:,} at these shares ({have}); lower the last checkpoint, set limit, or add text"
    )


def _of_task(study: Study, task: TaskConfig, prepared: Prepared) -> str | None:
    """Return which D_f of a task cannot be had."""
    train, length = prepared.task(task.name).train, study.finetuning.length
    problems = []
    for size in study.sizes(task):
        try:
            _, counted = nested_subset(train, size, study.seeds[0], length=length)
            if size == "full" and (problem := study.finetuning.too_few(counted)):
                problems.append(f"D_f = full: {problem}")
        except CorpusError as error:
            problems.append(str(error))
    return f"task {task.name}: {'; '.join(problems)}" if problems else None
