"""What goes into pretraining and finetuning and what comes out, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from bayesscale.harness.model.config import ModelConfig, Vocabulary

if TYPE_CHECKING:
    from bayesscale.harness.mixture import Mixture
    from bayesscale.harness.model.t5 import T5
    from bayesscale.harness.progress import Progress
    from bayesscale.harness.study.training import FinetuningConfig, PretrainingConfig
    from bayesscale.harness.tokens.parallel import Parallel

Status = Literal["finished", "diverged"]
PLATEAU = 0.9
"""A checkpoint whose loss is above this share of the unigram loss is called one on the plateau."""


@dataclass(frozen=True)
class Checkpoint:
    """A point of the pretraining curve.

    Attributes
    ----------
    tokens : int
        D_p: tokens seen by these weights; whole steps, so at most one step from what the plan asks for.
    step : int
        Optimiser steps these weights have had.
    path : Path or None
        The weights; None where the run diverged before.
    loss : float
        Mean training loss over the last steps, in nats; every block is new, so this is a held-out loss.
    unigram_loss : float
        Loss of a model that knows the language and how frequent each token is, and nothing of the context.
    status : str
        'finished', or 'diverged' if there are no weights because the run diverged.
    hash : str
        SHA-256 of the weights, empty where there are none.
    """

    tokens: int
    step: int
    path: Path | None
    loss: float
    unigram_loss: float
    status: Status
    hash: str

    @property
    def on_plateau(self) -> bool:
        """Whether span corruption has taught it little more than frequencies, so that it may not help."""
        return self.loss > PLATEAU * self.unigram_loss


@dataclass(frozen=True, kw_only=True)
class PretrainJob:
    """One pretraining run.

    Attributes
    ----------
    model : ModelConfig
        Shape; the vocabulary fills in its size.
    config : PretrainingConfig
        Batch, length, checkpoints, optimiser, rate, schedule, precision, and how often a state is saved.
    mixture : Mixture
        Says which block comes when.
    blocks : mapping of str to array
        Blocks of each language of the mixture, (n, length).
    folder : Path
        Where checkpoints and the state to resume from are.
    vocabulary : Vocabulary
        Special ids.
    seed : int
        Decides initial weights and masked spans.
    device : str
        'cpu', 'cuda' or 'cuda:1'.
    init : Path, optional
        A Hugging Face T5 v1.1 or mT5 checkpoint to start from: a folder or a safetensors file.
    report : callable, optional
        Receives `Progress` about once a second.
    """

    model: ModelConfig
    config: PretrainingConfig
    mixture: Mixture
    blocks: Mapping[str, NDArray[Any]]
    folder: Path
    vocabulary: Vocabulary
    seed: int
    device: str = "cpu"
    init: Path | None = None
    report: Callable[[Progress], None] | None = None


@dataclass(frozen=True, kw_only=True)
class FinetuneJob:
    """Finetuning of one checkpoint on one set of translations, with every rate that is to be tried.

    Attributes
    ----------
    model : ModelConfig
        Shape; the vocabulary fills in its size.
    weights : Path or None
        Weights of a checkpoint; None for the baseline that was not pretrained.
    train, dev : Parallel
        What is learned, and what chooses the rate.
    config : FinetuningConfig
        Batch (pairs), steps, rates, longest sequence, dropout, precision.
    vocabulary : Vocabulary
        Special ids.
    seed : int
        Decides initial weights of the baseline, the order of the data, and dropout.
    device : str
        'cpu', 'cuda' or 'cuda:1'.
    deterministic : bool
        Whether only deterministic algorithms are used.
    workspace : T5, optional
        A model of the same shape, overwritten and returned, so that what is compiled for it is used again.
    report : callable, optional
        Receives `Progress` about once a second.
    """

    model: ModelConfig
    weights: Path | None
    train: Parallel
    dev: Parallel
    config: FinetuningConfig
    vocabulary: Vocabulary
    seed: int
    device: str = "cpu"
    deterministic: bool = False
    workspace: T5 | None = None
    report: Callable[[Progress], None] | None = None


@dataclass(frozen=True)
class Trial:
    """A rate that was tried.

    Attributes
    ----------
    rate : float
        The rate.
    steps : int
        Steps after which it was judged last.
    dev_loss : float
        Cross-entropy on dev then, nats per target token; NaN if it diverged.
    """

    rate: float
    steps: int
    dev_loss: float


@dataclass(frozen=True)
class FinetuneResult:
    """A finetuned model and how it came about.

    Attributes
    ----------
    model : T5
        The model with the chosen rate, on the device, in evaluation mode.
    dev_loss : float
        Its cross-entropy on dev, nats per target token; NaN if every rate diverged.
    rate : float
        The rate that successive halving has left.
    trials : tuple of Trial
        All rates, in the order of the study.
    status : str
        'finished', or 'diverged' if every rate diverged.
    steps, tokens_seen : int
        Optimiser steps of the model, and the source and target tokens in them.
    truncated : int
        Training sequences that were cut to the longest length.
    """

    model: T5
    dev_loss: float
    rate: float
    trials: tuple[Trial, ...]
    status: Status
    steps: int
    tokens_seen: int
    truncated: int

    @property
    def warning(self) -> str | None:
        """What to know of the rate: that no other was tried, or that a better one may lie beyond the edge."""
        if self.status == "diverged":
            return None
        rates = sorted(trial.rate for trial in self.trials)
        if len(rates) == 1:
            return "only"
        return {rates[0]: "lowest", rates[-1]: "highest"}.get(self.rate)
