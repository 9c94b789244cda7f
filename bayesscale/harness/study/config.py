"""The study: everything that determines the results of a grid, in one typed value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, NonNegativeInt, model_validator

from bayesscale.errors import StudyError, valid_names
from bayesscale.harness.model.config import ModelConfig
from bayesscale.harness.study.data import (
    ArtificialConfig,
    CleaningConfig,
    CorpusConfig,
    TaskConfig,
    TokenizerConfig,
)
from bayesscale.harness.study.mixtures import GivenCheckpoints, Mixture, MixtureConfig
from bayesscale.harness.study.rules import broken_rules
from bayesscale.harness.study.training import (
    DecodingConfig,
    FinetuningConfig,
    PretrainingConfig,
    ScoringConfig,
)
from bayesscale.harness.study.values import Name, Section, Size

_Named = TypeVar("_Named", MixtureConfig, TaskConfig)


class Study(Section):
    """A study: mixtures x checkpoints x tasks x D_f x seeds, and how each cell is made.

    The whole grid is repeated for each seed. Text is either `corpora` or `artificial`. `init` is a local
    Hugging Face T5 v1.1 or mT5 that pretraining starts from; `model` may then be left out, and the baseline
    has the same shape. `init_tokens` are what it was pretrained on: D_p begins there, and it is itself a
    point of every mixture; without them D_p counts from zero. `checkpoints` were pretrained elsewhere, by the
    name of their mixture. Relative paths begin in `folder`, that of the study file, which is not part of any
    hash.
    """

    name: Name
    seeds: tuple[NonNegativeInt, ...] = Field(default=(0,), min_length=1)
    corpora: dict[Name, CorpusConfig] = Field(default_factory=dict)
    artificial: ArtificialConfig | None = None
    cleaning: CleaningConfig = CleaningConfig()
    tokenizer: TokenizerConfig
    model: ModelConfig = ModelConfig()
    init: str | None = None
    init_tokens: Size | None = None
    checkpoints: dict[Name, GivenCheckpoints] = Field(default_factory=dict)
    mixtures: tuple[Mixture, ...] = ()
    pretraining: PretrainingConfig = PretrainingConfig()
    tasks: tuple[TaskConfig, ...] = Field(min_length=1)
    finetuning: FinetuningConfig
    decoding: DecodingConfig = DecodingConfig()
    scoring: ScoringConfig = ScoringConfig()
    folder: Path = Field(default=Path(), exclude=True)

    @model_validator(mode="after")
    def _keeps_the_rules(self) -> Study:
        if broken := broken_rules({name: getattr(self, name) for name in type(self).model_fields}):
            raise ValueError("; ".join(broken))
        return self

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that there is monolingual text of, in the order of the study."""
        return tuple(self.artificial.languages if self.artificial else self.corpora)

    def checkpoint_tokens(self, mixture: MixtureConfig) -> tuple[int, ...]:
        """Return D_p of the checkpoints of a mixture."""
        limit = mixture.limit or self.pretraining.checkpoint_tokens[-1]
        return tuple(tokens for tokens in self.pretraining.checkpoint_tokens if tokens <= limit)

    def largest_tokens(self) -> dict[str, float]:
        """Return how many tokens of each language the largest checkpoint of any mixture sees."""
        seen = [(mixture.shares, self.checkpoint_tokens(mixture)[-1]) for mixture in self.mixtures]
        return {
            language: max((shares.get(language, 0.0) * tokens for shares, tokens in seen), default=0.0)
            for language in self.languages
        }

    def sizes(self, task: TaskConfig) -> tuple[int | Literal["full"], ...]:
        """Return D_f of a task."""
        return task.sizes or self.finetuning.sizes

    def points(self) -> tuple[tuple[str, int], ...]:
        """Return mixture and D_p of all checkpoints that are finetuned, from the smallest D_p of a kind.

        D_p counts from `init`, so 0 is the checkpoint that pretraining starts from.
        """
        points = [
            (mixture.name, tokens)
            for mixture in self.mixtures
            for tokens in (*((0,) if self.init_tokens else ()), *self.checkpoint_tokens(mixture))
        ]
        points += [(name, tokens) for name, given in self.checkpoints.items() for tokens in given.points]
        return tuple(sorted(points, key=lambda point: point[1]))

    def given(self, mixture: str, tokens: int) -> Path | None:
        """Return the weights of a checkpoint that was pretrained elsewhere; None if it is of this study."""
        if mixture in self.checkpoints:
            return self.path(self.checkpoints[mixture].points[tokens])
        return self.path(self.init) if tokens == 0 and self.init else None

    def shares(self, mixture: str) -> dict[str, float]:
        """Return the share of each language in a mixture, as far as it is known."""
        given = self.checkpoints.get(mixture)
        return given.shares if given is not None else self.mixture(mixture).shares

    def path(self, text: str) -> Path:
        """Return the file that a path in the study means."""
        return self.folder / text

    def mixture(self, name: str) -> MixtureConfig:
        """Return the mixture of a name."""
        return _named("mixture", self.mixtures, name)

    def task(self, name: str) -> TaskConfig:
        """Return the task of a name."""
        return _named("task", self.tasks, name)


def _named(kind: str, items: Sequence[_Named], name: str) -> _Named:
    """Return the item of a name."""
    found = {item.name: item for item in items}
    if name not in found:
        raise StudyError(f"the study has no {kind} {name!r}; {valid_names(name, found)}")
    return found[name]
