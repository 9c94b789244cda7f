"""Simulated metrics in the regime of the paper, with the truth behind them."""

from bayesscale.simulate.files import to_csv, truth_path, write
from bayesscale.simulate.generate import Simulated, simulate
from bayesscale.simulate.presets import PAPER, PRESETS, SMALL, sized
from bayesscale.simulate.regime import Curve, Mixture, Regime, Task
from bayesscale.simulate.truth import BaselineTruth, CurveTruth, Truth

__all__ = [
    "PAPER",
    "PRESETS",
    "SMALL",
    "BaselineTruth",
    "Curve",
    "CurveTruth",
    "Mixture",
    "Regime",
    "Simulated",
    "Task",
    "Truth",
    "simulate",
    "sized",
    "to_csv",
    "truth_path",
    "write",
]
