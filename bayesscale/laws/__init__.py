"""Scaling laws, one a file: pure formulas over a NumPy-like namespace, without PyMC and without pandas."""

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.base import Law
from bayesscale.laws.log_law import LOG_LAW
from bayesscale.laws.power_law import POWER_LAW

LAWS: dict[str, Law] = {law.name: law for law in (LOG_LAW, POWER_LAW)}

__all__ = ["LAWS", "LOG_LAW", "POWER_LAW", "Law", "LogAxis"]
