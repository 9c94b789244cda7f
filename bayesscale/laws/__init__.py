"""Scaling laws, one a file: pure formulas for NumPy, PyTensor and the compiled sampler."""

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.base import Law
from bayesscale.laws.log_law import LOG_LAW
from bayesscale.laws.power_law import POWER_LAW
from bayesscale.laws.rising import RISING_POWER_LAW
from bayesscale.laws.saturating import SATURATING_LAW

LAWS: dict[str, Law] = {law.name: law for law in (LOG_LAW, SATURATING_LAW, RISING_POWER_LAW, POWER_LAW)}
"""All laws by name. Their order is that of their numbers in draws and in the compiled sampler."""

__all__ = [
    "LAWS",
    "LOG_LAW",
    "POWER_LAW",
    "RISING_POWER_LAW",
    "SATURATING_LAW",
    "Law",
    "LogAxis",
]
