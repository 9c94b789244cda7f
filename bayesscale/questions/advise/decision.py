"""The decision on a curve: five disjoint outcomes, their probabilities, and the rule that chooses an act.

Every posterior draw is a law without noise, from the curve's first measured size on, and falls under the
first of these outcomes that holds in it:

1. not needed: the baseline (no pretraining) is as good as the target, or pretraining is never better than the
   baseline by `delta` up to the budget. Impossible where no baseline was measured.
2. reached: the law is as good as the target somewhere within the measured sizes.
3. continue: it is as good as the target somewhere between the last measured size and the budget.
4. broken: it is not, and it broke within the measured sizes.
5. out of reach: it is not, and it has not broken yet.

The shares of draws are the probabilities; they sum to one. "Up to the budget" includes all that was measured,
even if the budget is smaller.

The rule: the first of these acts that is at least as probable as the confidence is advised. "Reached" has the
probability of its outcome. "Continue" has those of reached and continue together: the target is within the
budget, and one continues until it is reached. "Stop" has those of not needed, broken and out of reach
together, none of which is a reason to go on. If no act is probable enough, the curve is undecided. This is
section 3.5 of Isik et al. (arXiv 2402.04177), with probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale.errors import UsageError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
NOT_NEEDED = "pretraining not needed"
REACHED = "target reached"
CONTINUE = "continue"
BROKEN = "stop: the law broke"
OUT_OF_REACH = "stop: out of reach"
UNDECIDED = "not enough data yet"
COLUMNS = {
    CONTINUE: "p_continue",
    REACHED: "p_reached",
    NOT_NEEDED: "p_not_needed",
    BROKEN: "p_law_broke",
    OUT_OF_REACH: "p_out_of_reach",
}
"""The outcomes, and the columns of their probabilities."""
REASONS = (NOT_NEEDED, BROKEN, OUT_OF_REACH)
"""The outcomes that are reasons to stop."""
ACTS = {REACHED: "reached", CONTINUE: "continue", UNDECIDED: "undecided", **dict.fromkeys(REASONS, "stop")}
"""What is to be done, by the outcome that an answer's `advice` names."""
STOP = ACTS[BROKEN]


@dataclass(frozen=True)
class Goal:
    """What the user wants: a metric's value, within a budget of tokens up to which curves may go on.

    `delta` is the gain over the baseline below which pretraining is not needed, in the metric's unit like the
    target. An act is advised from the probability `confidence` on; `prob` is that of the intervals.
    """

    metric: str
    target: float
    delta: float
    budget: float
    confidence: float
    prob: float


def outcomes(
    *, not_needed: BoolArray, reached: BoolArray, within: BoolArray, broken: BoolArray
) -> dict[str, float]:
    """Return the probability of each outcome, from events of shape (draws,); they sum to one."""
    events = {NOT_NEEDED: not_needed, REACHED: reached, CONTINUE: within, BROKEN: broken}
    left = np.ones(not_needed.shape, dtype=bool)
    found = {}
    for name, event in events.items():
        found[name] = float((left & event).mean())
        left = left & ~event
    found[OUT_OF_REACH] = float(left.mean())
    return {name: found[name] for name in COLUMNS}


def decide(probabilities: dict[str, float], confidence: float) -> tuple[str, float]:
    """Return the outcome whose act is advised, and the act's probability; that of the likelier if none is.

    A stop goes by its most probable reason. The confidence is above one half, so that no two acts that
    exclude each other are advised.
    """
    reason = max(REASONS, key=probabilities.__getitem__)
    acts = {
        REACHED: probabilities[REACHED],
        CONTINUE: probabilities[CONTINUE] + probabilities[REACHED],
        reason: sum(probabilities[name] for name in REASONS),
    }
    for name, probability in acts.items():
        # Shares of draws that sum to the confidence may miss it by rounding.
        if probability >= confidence - 1e-12:
            return name, probability
    return UNDECIDED, max(acts.values())


def check_confidence(confidence: float) -> None:
    """Refuse a confidence at which two acts could be advised, or none ever."""
    if not 0.5 < confidence < 1:
        raise UsageError(
            "the confidence is the probability from which on an act is advised, above 0.5 and below 1; "
            f"received {confidence:g}; write 0.8 for 80%"
        )
