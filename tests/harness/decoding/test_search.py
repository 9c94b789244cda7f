"""Greedy search against a slow and obvious version of itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="decoding needs torch (extra train)")

from bayesscale.errors import TrainingError
from bayesscale.harness.decoding import translate
from bayesscale.harness.model.cache import Decoder
from bayesscale.harness.model.config import ModelConfig
from bayesscale.harness.model.t5 import T5
from bayesscale.harness.study.training import DecodingConfig
from bayesscale.harness.training.weights import init_model

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
        decoder = Decoder(model, memory, mask, 9)
        for at in range(9):
            scores = decoder.step(target[:, at], at)
            torch.testing.assert_close(scores, expected[:, at], atol=1e-5, rtol=1e-4)


def test_neither_batch_nor_order_changes_a_translation() -> None:
    model, sources = _model(8), _sources(8, 11)
    one = translate(model, sources, _config(batch=1))
    assert translate(model, sources, _config(batch=11)) == one
    assert translate(model, sources[::-1], _config()) == one[::-1]


def test_memory_that_runs_out_is_said_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> Any:
        raise torch.OutOfMemoryError("injected")

    monkeypatch.setattr(T5, "encode", never)
    with pytest.raises(TrainingError, match=r"4 sentences at once do not; lower decoding\.batch"):
        translate(_model(8), _sources(8), _config())


def test_no_sources_no_translations() -> None:
    assert translate(_model(8), [], _config()) == []
