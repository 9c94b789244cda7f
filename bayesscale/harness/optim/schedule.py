"""The learning rate as a function of the step. Imports no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Schedule:
    """Rate of every step of a trunk, and of a cooldown branch that leaves it.

    Attributes
    ----------
    rate : float
        The largest rate; with `raw`, the base rate of the paper instead.
    kind : 'inverse_sqrt' or 'constant'
        What follows the warmup.
    warmup : int
        Steps over which the rate rises from 0 to its largest value; then it falls with 1 / sqrt(step), or
        stays.
    raw : bool
        The rule of Isik et al. (arXiv 2402.04177): rate / sqrt(max(step, warmup)), without a rise. Adafactor,
        whose updates are clipped, needs none.
    """

    rate: float
    kind: Literal["inverse_sqrt", "constant"] = "inverse_sqrt"
    warmup: int = 0
    raw: bool = False

    def __call__(self, step: int, branch: Branch | None = None) -> float:
        """Return the rate of a step.

        Parameters
        ----------
        step : int
            Counts from 0.
        branch : Branch, optional
            The cooldown branch that the step belongs to.
        """
        now, warmup = step + 1, max(self.warmup, 1)
        if self.kind == "constant":
            rate = self.rate if self.raw else self.rate * min(now / warmup, 1.0)
        elif self.raw:
            rate = self.rate / math.sqrt(max(now, warmup))
        else:
            rate = self.rate * min(now / warmup, math.sqrt(warmup / now))
        return rate if branch is None else rate * branch.factor(step)


@dataclass(frozen=True)
class Branch:
    """The last steps before a checkpoint, in which the rate falls to 0.

    The trunk goes on from `start` as if the branch had not been, with the data that the branch saw: no
    weights see a block twice, and all that the weights of a checkpoint saw counts in its D_p.

    Attributes
    ----------
    start, stop : int
        Steps at which the branch leaves the trunk and at which its checkpoint is.
    """

    start: int
    stop: int

    def factor(self, step: int) -> float:
        """Return the share of the trunk's rate that a step has: 1 - sqrt of the way (arXiv 2405.18392)."""
        return 1.0 - math.sqrt((step + 1 - self.start) / (self.stop + 1 - self.start))


def branch_of(checkpoint: int, cooldown: float) -> Branch | None:
    """Return the cooldown branch of a checkpoint.

    Parameters
    ----------
    checkpoint : int
        Step of the checkpoint.
    cooldown : float
        Share of its steps; 0 for none.
    """
    steps = round(checkpoint * cooldown)
    return Branch(checkpoint - steps, checkpoint) if cooldown and steps else None
