"""Span corruption: nothing is lost, lengths are fixed, and only seed and position decide."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="spans are masked with torch (extra train)")

from bayesscale.errors import StudyError
from bayesscale.harness.denoise import corrupt, counter_bits
from bayesscale.harness.model.config import EOS, PAD, Vocabulary, span_counts

VOCABULARY = Vocabulary(size=1000, first_sentinel=999)


def _blocks(count: int, length: int) -> tuple[Any, Any]:
    """Return blocks without special ids, and their positions."""
    blocks = torch.randint(3, 900, (count, length), generator=torch.Generator().manual_seed(0))
    return blocks, torch.arange(count)


def _rebuild(source: list[int], labels: list[int]) -> list[int]:
    """Put the masked spans back where the sentinels are, the slow and obvious way."""
    spans: dict[int, list[int]] = {}
    for token in labels[:-1]:
        if token >= 900:
            spans[token] = []
        else:
            spans[max(spans, key=list(spans).index)].append(token)
    return [token for item in source[:-1] for token in (spans[item] if item >= 900 else [item])]


@pytest.mark.parametrize("length", [8, 63, 256, 512])
def test_source_and_target_together_are_the_block(length: int) -> None:
    blocks, positions = _blocks(20, length)
    result = corrupt(blocks, positions, seed=3, vocabulary=VOCABULARY)
    counts = span_counts(length)
    assert tuple(result.source.shape) == (20, counts.source)
    assert tuple(result.labels.shape) == tuple(result.target_in.shape) == (20, counts.target)
    for block, source, labels in zip(
        blocks.tolist(), result.source.tolist(), result.labels.tolist(), strict=True
    ):
        assert _rebuild(source, labels) == block
        assert source[-1] == labels[-1] == EOS
        sentinels = [token for token in source if token >= 900]
        assert sentinels == [999 - i for i in range(counts.spans)] == [t for t in labels if t >= 900]
        assert source[0] < 900
    assert torch.equal(result.target_in[:, 1:], result.labels[:, :-1])
    assert (result.target_in[:, 0] == PAD).all()


def test_shares_are_those_asked_for() -> None:
    assert span_counts(512) == (77, 26, 512 - 77 + 26 + 1, 77 + 26 + 1)
    assert span_counts(100, 0.5, 10).masked == 50
    assert span_counts(100, 0.5, 10).spans == 5


def test_a_block_is_masked_in_the_same_way_in_any_batch() -> None:
    blocks, positions = _blocks(12, 64)
    whole = corrupt(blocks, positions, seed=1, vocabulary=VOCABULARY)
    parts = [
        corrupt(blocks[at : at + 5], positions[at : at + 5], seed=1, vocabulary=VOCABULARY)
        for at in (0, 5, 10)
    ]
    for index in range(3):
        assert torch.equal(whole[index], torch.cat([part[index] for part in parts]))


def test_seed_and_position_change_the_spans() -> None:
    block = _blocks(1, 64)[0].expand(50, 64)
    first = corrupt(block, torch.arange(50), seed=1, vocabulary=VOCABULARY)
    second = corrupt(block, torch.arange(50), seed=2, vocabulary=VOCABULARY)
    assert len({tuple(row) for row in first.source.tolist()}) == 50
    assert not (first.source == second.source).all(dim=1).any()


def test_every_token_is_masked_equally_often_away_from_the_ends() -> None:
    # Kept and masked spans take turns: the first tokens are masked less often and the last ones more often.
    block = torch.arange(100, 160).expand(20_000, 60)
    result = corrupt(block, torch.arange(20_000), seed=7, vocabulary=VOCABULARY)
    counts = np.bincount(result.labels.flatten().numpy(), minlength=160)[100:160] / 20_000
    assert counts.sum() == pytest.approx(9, abs=1e-9)
    assert np.abs(counts[15:45] - counts[15:45].mean()).max() < 0.03


def test_random_numbers_have_no_visible_structure() -> None:
    bits = counter_bits(torch.arange(2000), 5, 50)
    share = torch.stack([(bits >> shift & 1).double().mean() for shift in range(63)])
    assert (share - 0.5).abs().max() < 5 * 0.5 / bits.numel() ** 0.5
    assert len(set(bits.flatten().tolist())) == bits.numel()
    uniform = bits.double() / 2.0**63
    along = [torch.corrcoef(torch.stack([uniform[:, i], uniform[:, i + 1]]))[0, 1] for i in range(49)]
    assert max(map(abs, along)) < 5 / 2000**0.5


def test_more_spans_than_sentinels_are_refused() -> None:
    blocks, positions = _blocks(1, 512)
    few = Vocabulary(size=1000, first_sentinel=999, sentinels=10)
    with pytest.raises(StudyError, match="26 spans and the tokenizer 10 sentinels"):
        corrupt(blocks, positions, seed=0, vocabulary=few)
