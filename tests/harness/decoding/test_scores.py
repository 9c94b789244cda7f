"""Cross-entropy by teacher forcing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="cross-entropy needs torch (extra train)")

from bayesscale.harness.decoding import cross_entropy
from bayesscale.harness.model.config import ModelConfig
from bayesscale.harness.training.weights import init_model

MODEL = ModelConfig(layers=1, d_model=16, d_ff=24, heads=2, d_kv=8, vocab_size=30)


def _pairs(count: int = 7) -> Any:
    """Return pairs of different lengths."""
    random = np.random.default_rng(0)
    sides = [
        [np.append(random.integers(3, 30, random.integers(1, 15)), 1).astype(np.uint16) for _ in range(count)]
        for _ in range(2)
    ]
    return SimpleNamespace(source=sides[0], target=sides[1])


def test_it_is_the_sum_over_every_token_including_eos() -> None:
    model, pairs = init_model(MODEL, 0).eval(), _pairs()
    found = cross_entropy(model, pairs, batch=3)
    assert found.tokens.tolist() == [len(target) for target in pairs.target]
    for nats, source, target in zip(found.nats, pairs.source, pairs.target, strict=True):
        labels = target.astype(np.int64).tolist()
        with torch.no_grad():
            memory = model.encode(torch.tensor(source[None].astype(np.int64)))
            steps = torch.log_softmax(
                model.logits(model.decode(memory, torch.tensor([[0, *labels[:-1]]])))[0], -1
            )
        assert nats == pytest.approx(-float(steps[range(len(labels)), labels].sum()), abs=1e-4)
    assert found.per_token == pytest.approx(found.nats.sum() / found.tokens.sum())


def test_a_model_that_knows_nothing_has_the_logarithm_of_the_vocabulary() -> None:
    model = init_model(MODEL, 0)
    with torch.no_grad():
        for weight in (model.output, model.decoder_norm.weight):
            assert weight is not None
            weight.zero_()
    assert cross_entropy(model, _pairs()).per_token == pytest.approx(np.log(30), abs=1e-5)


def test_dropout_has_no_part_in_it_and_the_mode_is_restored() -> None:
    model = init_model(MODEL, 0)
    model.dropout = 0.5
    model.train()
    assert cross_entropy(model, _pairs()).per_token == cross_entropy(model, _pairs()).per_token
    assert model.training
