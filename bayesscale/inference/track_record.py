"""How intervals did on the curves of a fit: last sizes that were held out, forecast, and counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KEY = "backtest"
"""Where a fit's provenance keeps it."""
# A record with fewer held-out values says little; one with a smaller share inside is poor.
_FEW, _POOR = 10, 0.8


@dataclass(frozen=True)
class TrackRecord:
    """How forecasts of held-out last sizes did.

    Parameters
    ----------
    held, inside_90, inside_50 : int
        Held-out values; how many of them 90% and 50% intervals held.
    farthest : float
        Largest ratio of a held-out size to the last fitted size of its curve.
    crps, crps_last : dict of str to float
        By metric, the mean CRPS of the forecasts, and of carrying the last fitted value on, in its unit.
    status : str
        'converged' or 'not converged': the fit that made the forecasts.
    reason : str
        Why nothing could be held out; empty where something was.
    """

    held: int
    inside_90: int = 0
    inside_50: int = 0
    farthest: float = 1.0
    crps: Mapping[str, float] | None = None
    crps_last: Mapping[str, float] | None = None
    status: str = ""
    reason: str = ""

    @classmethod
    def of(cls, provenance: Mapping[str, Any]) -> TrackRecord | None:
        """Return the record of a fit; None where nobody asked for one."""
        return cls(**provenance[KEY]) if KEY in provenance else None

    @property
    def poor(self) -> bool:
        """Whether intervals held clearly less than they say."""
        return self.held >= _FEW and self.inside_90 < _POOR * self.held

    @property
    def beaten(self) -> tuple[str, ...]:
        """Metrics that carrying the last value on forecast better."""
        last = self.crps_last or {}
        return tuple(metric for metric, crps in (self.crps or {}).items() if last.get(metric, crps) < crps)

    def sentences(self) -> list[str]:
        """Return what a reader of a forecast has to know."""
        if not self.held:
            return [f"No track record: {self.reason}."]
        unsure = "" if self.status == "converged" else f" (by a fit that has {self.status})"
        found = [
            f"On your own curves, 90% intervals held {self.inside_90} of {self.held} last values that were "
            f"held out, at up to {self.farthest:.2g} times the sizes fitted{unsure}."
        ]
        if self.poor:
            found.append("A POOR RECORD: expect these intervals to be too narrow.")
        if self.beaten:
            found.append(
                f"Carrying the last value on was the better forecast there of {', '.join(self.beaten)}."
            )
        return found
