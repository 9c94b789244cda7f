"""The passes by hand are the functions of torch that they stand for, with the same gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="kernels need torch (extra train)")

import torch.nn.functional as F

from bayesscale.harness.model.kernels import OutputLoss, RmsNorm, SelfAttention, by_hand

HEADS, WIDTH = 3, 4
NORM: Any = RmsNorm.apply
ATTENTION: Any = SelfAttention.apply
LOSS: Any = OutputLoss.apply


def _compare(mine: Callable[..., Any], torchs: Callable[..., Any], shapes: list[tuple[int, ...]]) -> None:
    """Compare values and gradients, at random inputs and a random gradient of the output."""
    generator = torch.Generator().manual_seed(0)
    values = [torch.randn(shape, generator=generator, dtype=torch.float32) for shape in shapes]
    results = []
    for function in (mine, torchs):
        inputs = [value.clone().requires_grad_() for value in values]
        output = function(*inputs)
        output.backward(torch.cos(torch.arange(output.numel(), dtype=torch.float32)).view(output.shape))
        results.append([output.detach(), *(value.grad for value in inputs)])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=2e-5)


def _split(joined: Any, bias: Any) -> Any:
    """Attend as torch does."""
    q, k, v = joined.view(2, 5, 3, HEADS, WIDTH).permute(2, 0, 3, 1, 4).unbind(0)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=1.0).transpose(1, 2).flatten(2)


def test_norm() -> None:
    _compare(
        lambda x, weight: NORM(x, weight, 1e-6),
        lambda x, weight: F.rms_norm(x, (7,), weight, 1e-6),
        [(3, 5, 7), (7,)],
    )


@pytest.mark.parametrize("rows", [1, 2], ids=["shared bias", "a bias a sentence"])
@pytest.mark.parametrize("causal", [False, True])
def test_attention(rows: int, causal: bool) -> None:
    mask = torch.triu(torch.full((5, 5), -torch.inf), 1) if causal else torch.zeros(5, 5)
    _compare(
        lambda joined, bias: ATTENTION(joined, bias + mask, HEADS, 0.0),
        lambda joined, bias: _split(joined, bias + mask),
        [(2, 5, 3 * HEADS * WIDTH), (rows, HEADS, 5, 5)],
    )


def test_dropout_of_attention_keeps_the_mean_and_its_gradient_is_that_of_what_was_kept() -> None:
    joined = torch.randn(2, 5, 3 * HEADS * WIDTH, generator=torch.Generator().manual_seed(1)).requires_grad_()
    bias = torch.zeros(1, HEADS, 5, 5)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        many = torch.stack([ATTENTION(joined, bias, HEADS, 0.3).detach() for _ in range(3000)])
        torch.testing.assert_close(many.mean(0), _split(joined, bias).detach(), atol=0.15, rtol=0)
        torch.manual_seed(5)
        ATTENTION(joined, bias, HEADS, 0.3).sum().backward()
        step = torch.zeros_like(joined)
        step[1, 2, 30] = 1e-2
        ends = []
        for sign in (-1, 1):
            torch.manual_seed(5)
            ends.append(ATTENTION(joined.detach() + sign * step, bias, HEADS, 0.3).sum())
    assert joined.grad is not None
    assert float(joined.grad[1, 2, 30]) == pytest.approx(float(ends[1] - ends[0]) / 2e-2, abs=2e-3)


def test_loss_of_the_output() -> None:
    labels = torch.tensor([3, -100, 0, 10, -100, 10])
    _compare(
        lambda hidden, output: LOSS(hidden, output, labels, -100),
        lambda hidden, output: F.cross_entropy(
            F.linear(hidden, output), labels, ignore_index=-100, reduction="sum"
        ),
        [(6, 8), (11, 8)],
    )


def test_they_are_used_where_they_are_meant_for() -> None:
    x = torch.zeros(2)
    assert by_hand(x)
    assert not by_hand(x.double())
    with torch.no_grad():
        assert not by_hand(x)
    with torch.autocast("cpu", torch.bfloat16):
        assert not by_hand(x)
