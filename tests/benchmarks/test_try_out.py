"""benchmarks/try_out.py: what is tried, and how it is compared."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.try_out import Job, _parse, compared, nested


def test_dotted_names_are_nested() -> None:
    changes = [("breaks.hazard.median", 0.2), ("breaks.hazard.spread", 1.0), ("noise_scale.mean.sd", 0.5)]
    assert nested(changes) == {
        "breaks": {"hazard": {"median": 0.2, "spread": 1.0}},
        "noise_scale": {"mean": {"sd": 0.5}},
    }


def test_results_are_kept_by_what_was_tried() -> None:
    one = Job("google NMT", "joint", (("breaks.hazard.median", 0.2),), 0)
    assert one.key == "google NMT | joint | breaks.hazard.median=0.2 | 0"
    assert Job("google NMT", "joint", (), 0).key != one.key


def test_ratios_are_means_of_logarithms_by_split() -> None:
    tried = ("a", "bleu", (0.5, 0.5)), ("a", "chrf", (2.0, 2.0)), ("b", "bleu", (2.0, 8.0))
    rows = pd.DataFrame(
        [
            {"split": split, "seed": seed, "kind": kind, "metric": metric, "n": 10, "crps": crps,
             "inside_90": 0.9, "inside_50": 0.4 if kind == "tried" else 0.5}
            for split, metric, ratios in tried
            for seed, ratio in enumerate(ratios)
            for kind, crps in (("default", 3.0), ("tried", 3.0 * ratio))
        ]
    )  # fmt: skip
    found = compared(rows)
    assert found.loc[("a", "bleu"), "CRPS to default"] == pytest.approx(0.5)
    assert found.loc[("b", "bleu"), "CRPS to default"] == pytest.approx(4.0)
    assert found.loc[("b", "bleu"), "+-"] == pytest.approx(np.log(4.0) / np.sqrt(2.0))
    # Split a comes to 1 over its metrics, split b to 4.
    assert found.loc[("mean split", ""), "CRPS to default"] == pytest.approx(2.0)
    assert found.loc[("mean split", ""), "50% hold, tried"] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [([], "nothing is changed"), (["--model", "log", "--splits", "nowhere"], "no such split")],
)
def test_what_cannot_be_tried_is_said(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        _parse(arguments)
    assert said in capsys.readouterr().err
