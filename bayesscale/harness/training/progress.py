"""Losses kept on the device until somebody needs them, and a report about once a second."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

from bayesscale.harness.training.jobs import Progress

CHECK_EVERY = 20
"""Steps after which losses are looked at in any case; looking means waiting for the device."""
INTERVAL = 1.0


class Meter:
    """Collects losses and reports progress.

    Parameters
    ----------
    report : callable or None
        Receives `Progress`.
    steps : int
        Steps in all.
    done : int
        Steps that were done before.
    tokens_per_step : float
        For the number of tokens and their speed.
    flops_per_step : float
        Arithmetic of one step.
    peak : float or None
        Peak arithmetic of all devices together.
    """

    def __init__(
        self,
        report: Callable[[Progress], None] | None,
        *,
        steps: int,
        done: int,
        tokens_per_step: float,
        flops_per_step: float,
        peak: float | None,
    ) -> None:
        self._report = report
        self._steps, self._done = steps, done
        self._tokens, self._flops, self._peak = tokens_per_step, flops_per_step, peak
        self._waiting: list[Tensor] = []
        self._last, self._since = time.perf_counter(), 0

    def add(self, loss: Tensor) -> None:
        """Keep the loss of one more step."""
        self._waiting.append(loss.detach())
        self._since += 1
        self._done += 1

    @property
    def due(self) -> bool:
        """Whether it is time to look at the losses."""
        wanted = self._report is not None and time.perf_counter() - self._last > INTERVAL
        return wanted or len(self._waiting) >= CHECK_EVERY

    def fetch(self) -> list[float]:
        """Return the losses that nobody has looked at yet; waits for the device."""
        values: list[float] = torch.stack(self._waiting).tolist() if self._waiting else []
        self._waiting.clear()
        return values

    def tell(self, losses: deque[float]) -> None:
        """Report, if the last report is a while ago.

        Parameters
        ----------
        losses : deque of float
            Losses of the last steps.
        """
        now = time.perf_counter()
        if self._report is not None and self._since and now - self._last > INTERVAL:
            rate = self._since / (now - self._last)
            self._report(
                Progress(
                    step=self._done,
                    steps=self._steps,
                    tokens=round(self._done * self._tokens),
                    loss=sum(losses) / len(losses) if losses else math.nan,
                    tokens_per_second=rate * self._tokens,
                    mfu=rate * self._flops / self._peak if self._peak else None,
                    seconds_left=max(self._steps - self._done, 0) / rate,
                )
            )
            self._last, self._since = now, 0
