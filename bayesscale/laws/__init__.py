"""Scaling laws, one a file: pure formulas over a NumPy-like namespace, without PyMC and without pandas."""

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.base import Law
from bayesscale.laws.log_law import LOG_LAW
from bayesscale.laws.power_law import POWER_LAW, PowerLaw
from bayesscale.laws.saturating import SATURATING_LAW, SaturatingLaw

LAWS: dict[str, Law] = {law.name: law for law in (LOG_LAW, POWER_LAW, SATURATING_LAW)}

__all__ = [
    "LAWS",
    "LOG_LAW",
    "POWER_LAW",
    "SATURATING_LAW",
    "Law",
    "LogAxis",
    "PowerLaw",
    "SaturatingLaw",
]
