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

    `tokens` is D_p: those seen by these weights, in whole steps, so at most one step from what the plan asks
    for. `path` is None where the run diverged before. `loss` is the mean training loss over the last steps,
    in nats; every block is new, so this is a held-out loss. `unigram_loss` is that of a model that knows the
    language and how frequent each token is, and nothing of the context. `hash` is the SHA-256 of the weights,
    empty where there are none.
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

    The vocabulary fills in the size of the model. `blocks` are those of each language of the mixture, (n,
    length). Checkpoints and the state to resume from go into `folder`. The seed decides initial weights and
    masked spans. `init` is a Hugging Face T5 v1.1 or mT5 to start from: a folder or a safetensors file.
    `report` receives `Progress` about once a second.
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

    Without `weights` it is the baseline that was not pretrained. `dev` chooses the rate. The seed decides
    initial weights of the baseline, the order of the data, and dropout. `workspace` is a model of the same
    shape, overwritten and returned, so that what is compiled for it is used again. `report` receives
    `Progress` about once a second.
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
    """A rate that was tried, after how many steps it was judged last, and its loss on dev then.

    Cross-entropy in nats per target token; NaN if it diverged.
    """

    rate: float
    steps: int
    dev_loss: float


@dataclass(frozen=True)
class FinetuneResult:
    """A finetuned model and how it came about.

    The model has the chosen rate, and is on the device, in evaluation mode. `dev_loss` is its cross-entropy
    on dev, nats per target token; NaN if every rate diverged. `trials` are in the order of the study.
    `tokens_seen` are source and target tokens in the steps; `truncated` are training sequences that were cut
    to the longest length.
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
