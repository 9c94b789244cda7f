"""Greedy search against a slow and obvious version of itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="decoding needs torch (extra train)")

from bayesscale.errors import TrainingError
from bayesscale.harness.decoding import greedy, translate
from bayesscale.harness.model.cache import Decoder
from bayesscale.harness.model.config import ModelConfig
from bayesscale.harness.model.t5 import T5
from bayesscale.harness.study.training import DecodingConfig
from bayesscale.harness.training import init_model

EOS = 1


def _model(vocabulary: int, seed: int = 0, **changes: Any) -> Any:
    """Return a random model whose distributions are neither flat nor certain."""
    config = ModelConfig(layers=2, d_model=16, d_ff=24, heads=2, d_kv=8, vocab_size=vocabulary, **changes)
    model = init_model(config, seed).eval()
    with torch.no_grad():
        for block in (*model.encoder, *model.decoder):
            block.gated.down.mul_(2.0)
    return model


def _sources(vocabulary: int, count: int = 9, seed: int = 0) -> list[Any]:
    """Return sources of different lengths."""
    random = np.random.default_rng(seed)
    lengths = random.integers(1, 12, count)
    return [np.append(random.integers(2, vocabulary, length), EOS).astype(np.uint16) for length in lengths]


def _config(**changes: Any) -> DecodingConfig:
    """Return a configuration."""
    return DecodingConfig.model_validate({"precision": "fp32", "max_length": 12, "batch": 4, **changes})


def _without_cache(model: Any, source: Any, longest: int) -> list[int]:
    """Compute the whole prefix again for every token."""
    chosen: list[int] = []
    with torch.no_grad():
        memory = model.encode(torch.tensor(source[None].astype(np.int64)))
        for _ in range(longest):
            hidden = model.decode(memory, torch.tensor([[0, *chosen]]))
            token = int(model.logits(hidden)[0, -1].argmax())
            if token == EOS:
                break
            chosen.append(token)
    return [token for token in chosen if token]


@pytest.mark.parametrize("tied", [False, True])
def test_greedy_with_a_cache_is_greedy_without(tied: bool) -> None:
    model, ended = _model(8, tied=tied), 0
    for seed in range(4):
        sources = _sources(8, seed=seed)
        found = translate(model, sources, _config())
        assert found == [_without_cache(model, source, 12) for source in sources]
        ended += sum(len(tokens) < 11 for tokens in found)
    assert ended > 0


def test_scores_of_a_step_are_those_of_the_whole_decoder() -> None:
    model = _model(20)
    source = torch.randint(2, 20, (3, 7), generator=torch.Generator().manual_seed(1))
    mask = torch.tensor([[True] * 7, [True] * 4 + [False] * 3, [True] * 7])
    target = torch.randint(2, 20, (3, 9), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        memory = model.encode(source, mask)
        expected = model.logits(model.decode(memory, target, mask))
        growing, fixed = (Decoder(model, memory, mask, 9) for _ in range(2))
        for at in range(9):
            for scores in (
                growing.step(target[:, at], at), fixed.static_step(target[:, at], torch.tensor([at]))
            ):  # fmt: skip
                torch.testing.assert_close(scores, expected[:, at], atol=1e-5, rtol=1e-4)


def test_steps_of_fixed_shape_choose_the_same() -> None:
    # What a GPU does, as far as a CPU can do it.
    model, sources = _model(8), _sources(8)
    expected = translate(model, sources, _config(batch=9))
    order = np.argsort([-len(source) for source in sources], kind="stable")
    width = max(map(len, sources))
    tokens = torch.zeros(9, width, dtype=torch.long)
    for row, index in enumerate(order):
        tokens[row, : len(sources[index])] = torch.tensor(sources[index].astype(np.int64))
    mask = tokens != 0
    with torch.no_grad():
        decoder = Decoder(model, model.encode(tokens, mask), mask, 12)
        chosen = greedy._fixed(decoder, 9, 12, torch.device("cpu"), 0, EOS, False).tolist()
    for row, index in enumerate(order):
        ended = chosen[row].index(EOS) if EOS in chosen[row] else 12
        assert [token for token in chosen[row][:ended] if token] == expected[index]


def test_neither_batch_nor_order_changes_a_translation() -> None:
    model, sources = _model(8), _sources(8, 11)
    one = translate(model, sources, _config(batch=1))
    assert translate(model, sources, _config(batch=11)) == one
    assert translate(model, sources[::-1], _config()) == one[::-1]


def test_memory_that_runs_out_makes_batches_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    model, sources = _model(8), _sources(8)
    expected, encode = translate(model, sources, _config()), T5.encode

    def scarce(limit: int) -> Any:
        def small(self: T5, source: Any, mask: Any = None) -> Any:
            if len(source) > limit:
                raise torch.OutOfMemoryError("injected")
            return encode(self, source, mask)

        return small

    monkeypatch.setattr(T5, "encode", scarce(1))
    assert translate(model, sources, _config()) == expected
    monkeypatch.setattr(T5, "encode", scarce(0))
    with pytest.raises(TrainingError, match="a sentence fits into the memory"):
        translate(model, sources, _config())


def test_no_sources_no_translations() -> None:
    assert translate(_model(8), [], _config()) == []
