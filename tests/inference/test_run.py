"""What a fit decides before it samples, and what it says of itself afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bayesscale.errors import UsageError
from bayesscale.inference import Fit, fit, run
from bayesscale.laws import LAWS
from bayesscale.metrics.read import read_metrics
from bayesscale.models.assembly import Assembly
from tests.models.tables import table

AXES = ("pretrain_tokens", "finetune_tokens")


class _Sampled(Exception):
    """Raised instead of sampling."""

    def __init__(self, data: Assembly) -> None:
        super().__init__()
        self.data = data


def assembled(monkeypatch: pytest.MonkeyPatch, axis: str = AXES[0], **options: Any) -> Assembly:
    """Return what a fit would sample from."""

    def sample(data: Assembly, *_: Any) -> None:
        raise _Sampled(data)

    monkeypatch.setattr(run, "sample", sample)
    data = table(("en-fr",), ("en",), (6e6,), baseline=False)
    if axis != AXES[0]:
        data = data.rename(columns=dict(zip(AXES, reversed(AXES), strict=True)))
    with pytest.raises(_Sampled) as caught:
        fit(read_metrics(data, axis=axis), **options)
    return caught.value.data


@pytest.mark.parametrize(
    ("axis", "asked", "breaks"),
    [
        ("pretrain_tokens", None, [True, False]),
        ("finetune_tokens", None, [False, False]),
        ("finetune_tokens", "scores", [True, False]),
        ("pretrain_tokens", "all", [True, True]),
        ("pretrain_tokens", "none", [False, False]),
    ],
)
def test_scores_break_along_pretraining_alone_unless_asked(
    monkeypatch: pytest.MonkeyPatch, axis: str, asked: str | None, breaks: list[bool]
) -> None:
    assert assembled(monkeypatch, axis, breaks=asked).may_break.tolist() == breaks


@pytest.mark.parametrize(
    ("law", "names"),
    [
        ("all", ["log-law", "saturating-law", "rising-power-law"]),
        ("saturating", ["saturating-law"]),
        ("rising, log", ["log-law", "rising-power-law"]),
        ("paper", ["log-law"]),
    ],
)
def test_scores_follow_the_laws_that_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, law: str, names: list[str]
) -> None:
    data = assembled(monkeypatch, law=law)
    assert np.array(list(LAWS))[data.allowed[0]].tolist() == names
    assert np.array(list(LAWS))[data.allowed[1]].tolist() == ["power-law"]
    # Noise, discrepancy, sharpness, share of the standard error.
    assert data.pooled_free.tolist() == [True, law != "paper", law != "paper", False]


def test_curves_can_be_held_to_their_laws(monkeypatch: pytest.MonkeyPatch) -> None:
    data = assembled(monkeypatch, discrepancy=False)
    assert data.pooled_free.tolist() == [True, False, True, False]
    assert not data.modes.any()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"breaks": ""}, "breaks is unknown; received ''"),
        ({"law": "power"}, "a law of scores is unknown; received 'power'"),
        ({"law": ""}, "a law of scores is unknown; received ''"),
    ],
)
def test_what_is_no_choice_is_no_default(options: dict[str, Any], said: str) -> None:
    data = table(("en-fr",), ("en",), (6e6,), ("bleu",), baseline=False)
    with pytest.raises(UsageError, match=said):
        fit(read_metrics(data), **options)


def test_a_fit_says_what_made_it(made: Fit) -> None:
    own = made.provenance
    assert set(own["timings"]) == {"import", "compile", "sample", "finish"}
    assert own["command"] == "bayesscale fit é.csv"
    assert (own["source"], own["data_hash"]) == (made.metrics.source, made.metrics.data_hash)
    assert own["settings"]["sampler"]["seed"] == own["seed"] == 5
    assert own["settings"]["law"] == "all"
    diagnostics = own["diagnostics"]
    assert diagnostics["draws"] == made.count
    assert diagnostics["sweeps"] == 700
    # 300 independent draws have not 400 effective ones.
    assert not made.status.ok
    assert any("ESS" in problem for problem in made.status.problems)
