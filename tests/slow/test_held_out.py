"""Forecasts of held-out sizes and of a held-out D_f, of a small simulated table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayesscale.inference import Sampler
from bayesscale.metrics.read import read_metrics
from benchmarks import held_out

SIZES = np.geomspace(1e6, 3e7, 6)


def _table() -> pd.DataFrame:
    """Return BLEU and cross-entropy of two mixtures at three D_f, which follow the laws with little noise."""
    random, rows = np.random.default_rng(0), []
    for place, mixture in enumerate(("50ka+50lo", "ka")):
        for number, size in enumerate((3e3, 8e3, 6e4)):
            level = 15 + 20 * number - 4 * place
            for tokens in (0.0, *SIZES):
                gain = 0.0 if tokens == 0 else (6 - 2 * number) * np.log(tokens / 5e5)
                noise = random.normal(size=2)
                own = {"task": "ka-lo", "mixture": mixture if tokens else "none", "pretrain_tokens": tokens}
                own |= {"finetune_tokens": size, "seed": 0}
                rows.append(own | {"metric": "bleu", "value": level + gain + 0.3 * noise[0]})
                loss = 2.0 - 0.5 * number - 0.02 * gain + 0.003 * noise[1]
                rows.append(own | {"metric": "cross_entropy", "value": loss})
    frame = pd.DataFrame(rows)
    return frame.drop_duplicates(["mixture", "pretrain_tokens", "finetune_tokens", "metric"])


@pytest.mark.slow
def test_both_kinds_of_forecast_are_scored_beside_the_papers_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out, "SAMPLER", Sampler(draws=100, chains=2, longest=1))
    said: list[str] = []
    found = held_out.held_out(read_metrics(_table()), said.append)
    rows = pd.DataFrame(found["forecasts"])
    splits = ["without the last 1", "first 3", "D_f 8,000 from 3,000 and 60,000"]
    assert rows["split"].unique().tolist() == splits
    assert [line.split(":")[0] for line in said] == splits
    # One size of six curves, three sizes of them, and six sizes of two curves.
    counts = rows[rows["metric"] == "bleu"].set_index("split")["n"]
    assert counts[splits].tolist() == [6, 18, 12]
    assert rows["in 90%"].between(0, 1).all()
    assert (rows["crps"] > 0).all()
    assert (rows["not forecast by it"] == 0).all()
    # D_f between two others: the interpolation of the paper's fits errs by what the table has of curvature.
    between = rows[(rows["split"] == splits[2]) & (rows["metric"] == "bleu")]
    assert between["crps of the paper's fit"].item() == pytest.approx(_curvature(), rel=0.3)
    assert len(found["guide"]["rows"]) == 6


def _curvature() -> float:
    """Return by how much BLEU at the middle D_f lies off the line in log D_f, on average over sizes."""
    share = np.log(8 / 3) / np.log(20)
    off = []
    for tokens in SIZES:
        value = [15 + 20 * number + (6 - 2 * number) * np.log(tokens / 5e5) for number in range(3)]
        off.append(abs(value[1] - (1 - share) * value[0] - share * value[2]))
    return float(np.mean(off))
