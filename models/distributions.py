"""Distributions of priors: frozen settings that refuse what they do not know."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, PositiveFloat


class Settings(BaseModel):
    """A frozen group of settings that refuses names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Normal(Settings):
    """Normal distribution by mean and standard deviation."""

    mean: float
    sd: PositiveFloat

    def __str__(self) -> str:
        return f"Normal(mean={self.mean:g}, sd={self.sd:g})"


class LogNormal(Settings):
    """Log-normal distribution by its median and the standard deviation of its logarithm."""

    median: PositiveFloat
    spread: PositiveFloat

    def __str__(self) -> str:
        return f"LogNormal(median={self.median:g}, spread={self.spread:g})"
