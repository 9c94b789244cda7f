"""Rates of pretraining, tried for a short while; upstream loss chooses."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bayesscale.harness.grid.context import Grid
from bayesscale.harness.grid.pretraining import train
from bayesscale.harness.progress import Reporter
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Sweep:
    """What the rates have come to after so many tokens.

    `losses` are means over the last steps by mixture and rate, NaN where it diverged; `unigram` is, by
    mixture, the loss of a model that knows frequencies only.
    """

    tokens: int
    losses: dict[tuple[str, float], float]
    unigram: dict[str, float]

    @property
    def means(self) -> dict[float, float]:
        """Loss of each rate, as the mean over mixtures; NaN where one diverged."""
        rates = dict.fromkeys(rate for _, rate in self.losses)
        found = {rate: [loss for (_, each), loss in self.losses.items() if each == rate] for rate in rates}
        return {rate: sum(losses) / len(losses) for rate, losses in found.items()}

    @property
    def best(self) -> float | None:
        """The rate with the lowest loss; None if all diverged."""
        finite = {rate: loss for rate, loss in self.means.items() if math.isfinite(loss)}
        return min(finite, key=lambda rate: finite[rate]) if finite else None

    def frame(self) -> pd.DataFrame:
        """Return a row for each mixture and rate."""
        import pandas as pd

        rows = [
            {"mixture": mixture, "rate": rate, "loss": loss, "unigram_loss": self.unigram[mixture]}
            for (mixture, rate), loss in self.losses.items()
        ]
        return pd.DataFrame(rows)

    def document(self) -> dict[str, Any]:
        """Return everything for programs."""
        return {"tokens": self.tokens, "best": self.best, "runs": self.frame().to_dict("records")}

    def sentences(self) -> list[str]:
        """Return the advice in words."""
        if self.best is None:
            return ["every rate diverged; try smaller ones"]
        lines = [
            f"after {format_tokens(self.tokens)} tokens the loss is lowest with rate = {self.best:g}; "
            "write it into the section [pretraining]"
        ]
        if self.best in (min(self.means), max(self.means)):
            edge, remedy = ("lowest", "lower") if self.best == min(self.means) else ("highest", "higher")
            lines.append(f"warning: that is the {edge} rate that was tried; try {remedy} ones as well")
        return lines


def sweep(
    grid: Grid,
    rates: Sequence[float],
    tokens: int,
    mixtures: Sequence[str],
    *,
    report: Callable[[str], None],
    show: Callable[[str], None] | None = None,
) -> Sweep:
    """Pretrain mixtures with several rates, for a while, with the first seed of the study.

    Runs lie in the folder `sweep` and go on where they were; tokens are rounded to whole steps.
    """
    study, seed = grid.study, grid.study.seeds[0]
    losses, unigram, seen = {}, {}, tokens
    for name in mixtures:
        for rate in rates:
            what = f"{name}, rate {rate:g}"
            config = study.pretraining.model_copy(update={"checkpoints": (tokens,), "rate": rate})
            folder = grid.path / "sweep" / f"{name}-{rate:g}-{tokens}"
            with Reporter(grid.progress, f"sweep {what}", show=show) as reporter:
                (last,) = train(grid, name, seed, config, folder, reporter)
            losses[name, rate], unigram[name], seen = last.loss, last.unigram_loss, last.tokens
            report(f"{what}: loss {last.loss:.3f}" if math.isfinite(last.loss) else f"{what}: DIVERGED")
    return Sweep(seen, losses, unigram)
