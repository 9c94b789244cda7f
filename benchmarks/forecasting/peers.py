"""simple-scaling-laws (PyPI, Python 3.12 and later), in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.forecasting.curves import Array, Curve

ROOT = Path(__file__).resolve().parents[2]
ADAPTER = Path(__file__).with_name("peers_adapter.py")
VARIABLE = "BAYESSCALE_PEERS_PYTHON"
DRAWS = 200
# Logits of scores that are exactly 0 or 1 are far outside; the package puts them at 1e-6 itself.
LAWS = {"simple-scaling separable": "separable-power", "simple-scaling broken": "broken-power"}


class NotAvailableError(Exception):
    """The peers' environment is not there."""


def interpreter() -> Path:
    """Return the Python that has simple-scaling-laws: $BAYESSCALE_PEERS_PYTHON or .venv-313-peers.

    Raises
    ------
    NotAvailableError
        There is none.
    """
    python = Path(os.environ.get(VARIABLE, ROOT / ".venv-313-peers" / "bin" / "python"))
    if not python.exists():
        raise NotAvailableError(
            "not available; make it with `python3.13 -m venv .venv-313-peers` and "
            f"`.venv-313-peers/bin/pip install simple-scaling-laws==0.2.0`, or name one in {VARIABLE}"
        )
    return python


def forecasts(curves: Sequence[Curve], law: str, seed: int) -> tuple[list[Array | None], dict[str, Any]]:
    """Return draws of new runs on each curve, None where the package fits none, and what is to be said.

    Parameters
    ----------
    curves : sequence of Curve
        Scores are given as shares of their ceiling, losses as they are.
    law : str
        The package's name of a law.
    seed : int
        Of its bootstrap.

    Raises
    ------
    NotAvailableError
        The peers' environment is not there, or lacks the package.
    """
    asked = {"law": law, "draws": DRAWS, "seed": seed, "curves": [_plain(curve) for curve in curves]}
    done = subprocess.run(
        [str(interpreter()), str(ADAPTER)], input=json.dumps(asked), capture_output=True, text=True
    )
    if done.returncode:
        raise NotAvailableError(f"not available: {done.stderr.strip().splitlines()[-1]}")
    answer = json.loads(done.stdout)
    found = [
        None if isinstance(draws, str) else np.array(draws) * (1.0 if _is_loss(curve) else curve.spec.high)
        for curve, draws in zip(curves, answer["draws"], strict=True)
    ]
    messages = sorted({draws for draws in answer["draws"] if isinstance(draws, str)})
    return found, {"version": answer["version"], "draws": DRAWS, "messages": messages[:5]}


def _plain(curve: Curve) -> dict[str, Any]:
    """Return a curve as JSON."""
    value = curve.value if _is_loss(curve) else curve.value / curve.spec.high
    return {
        "loss": _is_loss(curve),
        "size": curve.size.tolist(),
        "value": value.tolist(),
        "ahead": curve.ahead.tolist(),
    }


def _is_loss(curve: Curve) -> bool:
    """Return whether smaller values are better."""
    return curve.spec.improves == "down"
