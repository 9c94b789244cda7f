"""Optimisers against their definitions, against other implementations, and on what they are for."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="optimisers need torch (extra train)")

from bayesscale.harness.denoise import corrupt
from bayesscale.harness.model.config import ModelConfig, Vocabulary
from bayesscale.harness.training.optimizer import SMALLEST, ScaledAdamW, inverse_sqrt
from bayesscale.harness.training.weights import init_model


def _weights() -> list[Any]:
    """Return weights of every kind: a matrix, a vector, and one that starts at 0."""
    generator = torch.Generator().manual_seed(0)
    values = [torch.randn(6, 4, generator=generator), torch.ones(5), torch.zeros(3)]
    return [torch.nn.Parameter(value.clone()) for value in values]


def _run(optimizer: Any, weights: list[Any], steps: int) -> list[Any]:
    """Take steps with gradients that depend on weights and step, and return the weights."""
    for step in range(steps):
        for weight in weights:
            weight.grad = torch.sin(weight.detach() * 3 + step)
        optimizer.step()
    return [weight.detach().clone() for weight in weights]


class _Theirs:
    """AdamW of torch with a group for each weight, whose rate is 0.01 times its size before every step."""

    def __init__(self, weights: list[Any], weight_decay: float) -> None:
        groups = [{"params": [weight]} for weight in weights]
        self._adamw = torch.optim.AdamW(groups, weight_decay=weight_decay)

    def step(self) -> None:
        """Take a step."""
        for group in self._adamw.param_groups:
            (weight,) = group["params"]
            group["lr"] = 0.01 * max(weight.detach().square().mean().sqrt().item(), SMALLEST)
        self._adamw.step()


def test_it_is_adamw_with_a_rate_for_each_weight() -> None:
    ours, theirs = _weights(), _weights()
    mine = _run(ScaledAdamW(ours, lr=0.01, weight_decay=0.1), ours, 20)
    other = _run(_Theirs(theirs, weight_decay=0.1), theirs, 20)
    for a, b in zip(mine, other, strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)


def test_steps_are_in_proportion_to_the_weights() -> None:
    small, large = torch.nn.Parameter(torch.ones(8)), torch.nn.Parameter(torch.full((8,), 50.0))
    optimizer = ScaledAdamW([small, large], lr=0.1)
    for weight in (small, large):
        weight.grad = torch.ones(8)
    optimizer.step()
    torch.testing.assert_close(1 - small, torch.full((8,), 0.1), atol=1e-5, rtol=0)
    torch.testing.assert_close(50 - large, torch.full((8,), 5.0), atol=1e-4, rtol=0)


def test_state_can_be_saved_and_loaded() -> None:
    straight, stopped = _weights(), _weights()
    optimizer = ScaledAdamW(straight)
    expected = _run(optimizer, straight, 6)
    first = ScaledAdamW(stopped)
    _run(first, stopped, 3)
    second = ScaledAdamW(stopped)
    second.load_state_dict(first.state_dict())
    for step in range(3, 6):
        for weight in stopped:
            weight.grad = torch.sin(weight.detach() * 3 + step)
        second.step()
    for a, b in zip(expected, stopped, strict=True):
        assert torch.equal(a, b)


def test_plain_adamw_hardly_moves_an_embedding_of_unit_deviation_and_the_scaled_one_does() -> None:
    # The rate of a common recipe, 1e-4 against 0.01 relative to the size of the weights.
    vocabulary = Vocabulary(size=128, first_sentinel=127, sentinels=20)
    config = ModelConfig(layers=1, d_model=32, d_ff=64, heads=2, d_kv=16, vocab_size=128)
    moved, losses = {}, {}
    for name, kind, rate in (("plain", torch.optim.AdamW, 1e-4), ("scaled", ScaledAdamW, 0.01)):
        model = init_model(config, 0)
        before = model.embedding.detach().clone()
        optimizer: Any = kind(model.parameters(), lr=rate, weight_decay=0.0)
        generator = torch.Generator().manual_seed(1)
        for step in range(60):
            # Blocks that count upwards, so that there is something to learn.
            blocks = 3 + (torch.randint(0, 90, (8, 1), generator=generator) + torch.arange(32)) % 90
            batch = corrupt(blocks, torch.arange(8) + 8 * step, seed=0, vocabulary=vocabulary)
            loss = model(batch.source, batch.target_in, batch.labels) / batch.labels.numel()
            model.zero_grad()
            loss.backward()
            optimizer.step()
        moved[name] = ((model.embedding - before).norm() / before.norm()).item()
        losses[name] = loss.item()
    assert moved["plain"] < 0.01 < 0.1 < moved["scaled"]
    assert losses["plain"] > 0.9 * torch.log(torch.tensor(128.0)).item() > losses["scaled"] + 0.3


def test_the_rate_rises_and_then_falls_with_the_root_of_the_step() -> None:
    assert [inverse_sqrt(0.1, 4, step) for step in range(4)] == pytest.approx([0.025, 0.05, 0.075, 0.1])
    assert inverse_sqrt(0.1, 4, 15) == pytest.approx(0.05)
    assert inverse_sqrt(0.1, 0, 0) == 0.1
