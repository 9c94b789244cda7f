"""Greedy and beam search against slow and obvious versions of themselves."""

from __future__ import annotations

import itertools
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


def test_one_beam_is_greedy() -> None:
    for seed in range(4):
        model, sources = _model(8, seed), _sources(8, seed=seed)
        greedily = translate(model, sources, _config())
        assert translate(model, sources, _config(method="beam", beams=1)) == greedily


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0])
def test_many_beams_find_the_best_of_all_translations(penalty: float) -> None:
    vocabulary, longest = 4, 4
    for seed in range(3):
        model, sources = _model(vocabulary, seed), _sources(vocabulary, 4, seed)
        beams = vocabulary**longest
        found = translate(
            model, sources, _config(method="beam", beams=beams, max_length=longest, length_penalty=penalty)
        )
        assert found == [_best_of_all(model, source, vocabulary, longest, penalty) for source in sources]


def _best_of_all(model: Any, source: Any, vocabulary: int, longest: int, penalty: float) -> list[int]:
    """Score every translation there is."""
    scores: dict[tuple[int, ...], float] = {}
    with torch.no_grad():
        memory = model.encode(torch.tensor(source[None].astype(np.int64)))
        for tokens in itertools.product(range(vocabulary), repeat=longest):
            hidden = model.decode(memory, torch.tensor([[0, *tokens[:-1]]]))
            steps = torch.log_softmax(model.logits(hidden)[0], -1)[range(longest), list(tokens)]
            length = tokens.index(EOS) + 1 if EOS in tokens else longest
            scores[tokens[:length]] = float(steps[:length].sum()) / length**penalty
    best = max(scores, key=lambda tokens: scores[tokens])
    return [token for token in best if token not in (0, EOS)]


def test_more_beams_do_not_find_worse_translations_on_average() -> None:
    totals = []
    for beams in (1, 2, 8):
        total = 0.0
        for seed in range(4):
            model, sources = _model(8, seed), _sources(8, seed=seed)
            config = _config(method="beam", beams=beams, length_penalty=0.0, max_length=6)
            for source, tokens in zip(sources, translate(model, sources, config), strict=True):
                total += _log_probability(model, source, tokens, 6)
        totals.append(total)
    assert totals == sorted(totals)


def _log_probability(model: Any, source: Any, tokens: list[int], longest: int) -> float:
    """Return the log probability of a translation."""
    labels = [*tokens, EOS][:longest]
    with torch.no_grad():
        memory = model.encode(torch.tensor(source[None].astype(np.int64)))
        hidden = model.decode(memory, torch.tensor([[0, *labels[:-1]]]))
        return float(torch.log_softmax(model.logits(hidden)[0], -1)[range(len(labels)), labels].sum())


@pytest.mark.parametrize("method", ["greedy", "beam"])
def test_neither_batch_nor_order_changes_a_translation(method: str) -> None:
    model, sources = _model(8), _sources(8, 11)
    one = translate(model, sources, _config(method=method, batch=1))
    assert translate(model, sources, _config(method=method, batch=11)) == one
    assert translate(model, sources[::-1], _config(method=method)) == one[::-1]


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
