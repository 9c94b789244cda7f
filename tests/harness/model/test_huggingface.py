"""Our T5 and that of transformers are the same function of the same weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the model needs torch (extra train)")

from bayesscale.errors import CheckpointError
from bayesscale.harness.model.config import ModelConfig, Vocabulary
from bayesscale.harness.model.huggingface import embedding_of, load_pretrained, names, save_pretrained
from bayesscale.harness.model.t5 import IGNORED
from bayesscale.harness.training.weights import init_model, start_model

CONFIG = ModelConfig(
    layers=2,
    decoder_layers=3,
    d_model=32,
    d_ff=48,
    heads=4,
    d_kv=16,
    max_distance=40,
    buckets=8,
    vocab_size=70,
)


def _theirs(config: ModelConfig) -> Any:
    """Return a random model of transformers with every kind of weight away from its initial value."""
    transformers = pytest.importorskip("transformers", reason="compared with Hugging Face transformers")
    layers, decoder_layers = config.depth
    shape = transformers.T5Config(
        vocab_size=config.vocab_size, d_model=config.d_model, d_ff=config.d_ff, d_kv=config.d_kv,
        num_layers=layers, num_decoder_layers=decoder_layers, num_heads=config.heads,
        relative_attention_num_buckets=config.buckets, relative_attention_max_distance=config.max_distance,
        feed_forward_proj="gated-gelu", dropout_rate=0.0, decoder_start_token_id=0,
    )  # fmt: skip
    shape.scale_decoder_outputs = config.tied
    generator = torch.Generator().manual_seed(3)
    model = transformers.T5ForConditionalGeneration(shape).eval()
    if not config.tied:
        # By hand: in transformers 5, tie_word_embeddings=False also tears the embeddings of the stacks apart.
        model.lm_head.weight = torch.nn.Parameter(torch.empty_like(model.shared.weight))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            scale = 1.0 if "shared" in name or "bias" in name else weight.shape[-1] ** -0.5
            weight.normal_(1.0 if "norm" in name else 0.0, scale, generator=generator)
    return model


def _batch() -> tuple[Any, Any, Any]:
    """Return sources with padding, their mask, and labels with padding."""
    generator = torch.Generator().manual_seed(5)
    source = torch.randint(2, 70, (3, 61), generator=generator)
    labels = torch.randint(2, 70, (3, 50), generator=generator)
    source[1, 40:] = 0
    labels[2, 20:] = IGNORED
    return source, source != 0, labels


@pytest.mark.parametrize("tied", [False, True], ids=["v1.1", "tied"])
def test_logits_and_loss_are_those_of_transformers(tied: bool, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"tied": tied})
    theirs = _theirs(config)
    theirs.save_pretrained(tmp_path)
    assert ModelConfig.from_huggingface(json.loads((tmp_path / "config.json").read_text())) == CONFIG
    assert embedding_of(tmp_path) == (config.vocab_size, tied)
    ours = init_model(config, 0)
    load_pretrained(ours, tmp_path)
    source, mask, labels = _batch()
    target = torch.cat([torch.zeros(3, 1, dtype=torch.long), labels[:, :-1].clamp_min(0)], 1)
    with torch.no_grad():
        expected = theirs(input_ids=source, attention_mask=mask.long(), labels=labels)
        logits = ours.logits(ours.decode(ours.encode(source, mask), target, mask))
        loss = ours(source, target, labels, mask) / (labels != IGNORED).sum()
    torch.testing.assert_close(logits, expected.logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(loss, expected.loss, atol=1e-4, rtol=0)


def test_gradients_are_those_of_transformers(tmp_path: Path) -> None:
    theirs = _theirs(CONFIG)
    theirs.save_pretrained(tmp_path)
    ours = init_model(CONFIG, 0)
    load_pretrained(ours, tmp_path)
    source, mask, labels = _batch()
    target = torch.cat([torch.zeros(3, 1, dtype=torch.long), labels[:, :-1].clamp_min(0)], 1)
    theirs(input_ids=source, attention_mask=mask.long(), labels=labels).loss.backward()
    (ours(source, target, labels, mask) / (labels != IGNORED).sum()).backward()
    expected = dict(theirs.named_parameters())
    weights = dict(ours.named_parameters())
    for mine, name in names(CONFIG):
        torch.testing.assert_close(
            weights[mine].grad,
            expected[name].grad,
            atol=2e-5,
            rtol=1e-3,
            msg=lambda text, n=name: f"{n}: {text}",
        )


@pytest.mark.parametrize("tied", [False, True], ids=["v1.1", "tied"])
def test_transformers_loads_what_we_write(tied: bool, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="compared with Hugging Face transformers")
    config = CONFIG.model_copy(update={"tied": tied})
    ours = init_model(config, 1)
    save_pretrained(ours, tmp_path)
    theirs = transformers.T5ForConditionalGeneration.from_pretrained(tmp_path).eval()
    source, mask, labels = _batch()
    with torch.no_grad():
        loss = ours(source, torch.zeros_like(labels), labels, mask) / (labels != IGNORED).sum()
        expected = theirs(
            input_ids=source,
            attention_mask=mask.long(),
            labels=labels,
            decoder_input_ids=torch.zeros_like(labels),
        ).loss
    torch.testing.assert_close(loss, expected, atol=1e-4, rtol=0)


def test_writing_and_reading_keeps_every_bit(tmp_path: Path) -> None:
    first, second = init_model(CONFIG, 1), init_model(CONFIG, 2)
    save_pretrained(first, tmp_path)
    load_pretrained(second, tmp_path)
    for mine, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_parameters_are_counted() -> None:
    for config in (CONFIG, CONFIG.model_copy(update={"tied": True})):
        assert config.parameters() == sum(weight.numel() for weight in init_model(config, 0).parameters())


def test_another_model_is_refused_with_every_difference(tmp_path: Path) -> None:
    save_pretrained(init_model(CONFIG, 1), tmp_path)
    other = init_model(CONFIG.model_copy(update={"d_ff": 64, "layers": 3}), 0)
    with pytest.raises(
        CheckpointError, match=r"DenseReluDense\.wi_0\.weight is \(48, 32\) instead of \(64, 32\)"
    ):
        load_pretrained(other, tmp_path)
    with pytest.raises(CheckpointError, match="is missing"):
        load_pretrained(init_model(CONFIG.model_copy(update={"layers": 3}), 0), tmp_path)


def test_a_pickle_a_damaged_file_and_relu_are_refused(tmp_path: Path) -> None:
    model = init_model(CONFIG, 1)
    (tmp_path / "pytorch_model.bin").write_bytes(b"anything")
    with pytest.raises(CheckpointError, match="never loaded"):
        load_pretrained(model, tmp_path)
    damaged = tmp_path / "half.safetensors"
    damaged.write_bytes(b"\x10\x00\x00")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_pretrained(model, damaged)
    with pytest.raises(ValueError, match="gated-gelu"):
        ModelConfig.from_huggingface({"model_type": "t5", "feed_forward_proj": "relu"})


def test_a_checkpoint_to_start_from_has_enough_rows(tmp_path: Path) -> None:
    save_pretrained(init_model(CONFIG, 1), tmp_path)
    small, large = (Vocabulary(size=size, first_sentinel=60) for size in (64, 80))
    shape = CONFIG.model_copy(update={"vocab_size": None})
    assert start_model(shape, small, 0, init=tmp_path, device="cpu").config == CONFIG
    with pytest.raises(CheckpointError, match="has 70 and the tokenizer 80"):
        start_model(shape, large, 0, init=tmp_path, device="cpu")
