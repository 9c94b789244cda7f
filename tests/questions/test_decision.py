from __future__ import annotations

import itertools

import numpy as np
import pytest

from bayesscale.errors import UsageError
from bayesscale.questions.advise.decision import (
    BROKEN,
    COLUMNS,
    CONTINUE,
    NOT_NEEDED,
    OUT_OF_REACH,
    REACHED,
    UNDECIDED,
    check_confidence,
    decide,
    outcomes,
)


def shares(**given: float) -> dict[str, float]:
    """Return probabilities by short names, zero for the others."""
    names = {"go": CONTINUE, "there": REACHED, "no": NOT_NEEDED, "broke": BROKEN, "far": OUT_OF_REACH}
    return {name: given.get(short, 0.0) for short, name in names.items()}


def test_each_draw_falls_under_the_first_outcome_that_holds() -> None:
    events = np.array(list(itertools.product([False, True], repeat=4))).T
    names = ("not_needed", "reached", "within", "broken")
    found = outcomes(**dict(zip(names, events, strict=True)))
    assert list(found) == list(COLUMNS)
    expected = shares(no=8 / 16, there=4 / 16, go=2 / 16, broke=1 / 16, far=1 / 16)
    assert found == expected


@pytest.mark.parametrize(
    ("given", "advice", "probability"),
    [
        (shares(go=0.9, far=0.1), CONTINUE, 0.9),
        (shares(go=0.5, there=0.4, far=0.1), CONTINUE, 0.9),
        (shares(go=0.1, there=0.85, far=0.05), REACHED, 0.85),
        (shares(go=0.3, there=0.7), CONTINUE, 1.0),
        (shares(broke=0.5, far=0.4, go=0.1), BROKEN, 0.9),
        (shares(broke=0.4, far=0.5, go=0.1), OUT_OF_REACH, 0.9),
        (shares(no=0.6, far=0.4), NOT_NEEDED, 1.0),
        (shares(no=0.4, far=0.6), OUT_OF_REACH, 1.0),
        (shares(no=0.8, go=0.2), NOT_NEEDED, 0.8),
        (shares(go=0.7, far=0.3), UNDECIDED, 0.7),
        (shares(go=0.3, there=0.3, no=0.4), UNDECIDED, 0.6),
        # In floats 0.1 + 0.7 is below 0.8.
        (shares(go=0.1, there=0.7, far=0.2), CONTINUE, 0.8),
    ],
)
def test_the_rule(given: dict[str, float], advice: str, probability: float) -> None:
    advised, found = decide(given, 0.8)
    assert advised == advice
    assert found == pytest.approx(probability)


def test_no_advice_that_is_less_probable_than_the_confidence() -> None:
    rng = np.random.default_rng(0)
    for values in rng.dirichlet(np.full(5, 0.5), size=500):
        advice, probability = decide(dict(zip(COLUMNS, values.tolist(), strict=True)), 0.8)
        assert (advice == UNDECIDED) == (probability < 0.8)


@pytest.mark.parametrize("confidence", [0.5, 1.0, 80.0, float("nan")])
def test_confidences_that_are_none(confidence: float) -> None:
    with pytest.raises(UsageError, match=r"above 0\.5 and below 1; received .*; write 0\.8 for 80%"):
        check_confidence(confidence)
