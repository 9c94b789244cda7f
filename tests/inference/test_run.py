"""What a fit decides before it samples."""

from __future__ import annotations

from typing import Any

import pytest

from bayesscale.errors import UsageError
from bayesscale.inference import fit, run
from bayesscale.metrics.read import read_metrics
from tests.models.tables import table

AXES = ("pretrain_tokens", "finetune_tokens")


class _Sampled(Exception):
    """Raised instead of sampling."""


@pytest.mark.parametrize(
    ("axis", "asked", "breaks"),
    [
        ("pretrain_tokens", None, "scores"),
        ("finetune_tokens", None, "none"),
        ("finetune_tokens", "scores", "scores"),
        ("pretrain_tokens", "none", "none"),
    ],
)
def test_scores_break_along_pretraining_alone_unless_asked(
    monkeypatch: pytest.MonkeyPatch, axis: str, asked: str | None, breaks: str
) -> None:
    def sample_models(models: Any, *_: Any) -> None:
        assert [model.breaks for model in models] == [breaks, breaks]
        raise _Sampled

    monkeypatch.setattr(run, "sample_models", sample_models)
    data = table(("en-fr",), ("en",), (6e6,), ("bleu",), baseline=False)
    if axis == "finetune_tokens":
        data = data.rename(columns=dict(zip(AXES, reversed(AXES), strict=True)))
    with pytest.raises(_Sampled):
        fit(read_metrics(data, axis=axis), breaks=asked)


def test_breaks_without_a_name_are_no_default() -> None:
    data = table(("en-fr",), ("en",), (6e6,), ("bleu",), baseline=False)
    with pytest.raises(UsageError, match="breaks is unknown; received ''"):
        fit(read_metrics(data), breaks="")
