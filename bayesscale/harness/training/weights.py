"""Make a model, read its weights and write them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors.torch import save

from bayesscale.errors import CheckpointError
from bayesscale.harness.files import write_finished
from bayesscale.harness.model.config import ModelConfig, Vocabulary
from bayesscale.harness.model.huggingface import embedding_of, load_pretrained, state
from bayesscale.harness.model.t5 import T5


def init_model(config: ModelConfig, seed: int, *, device: str | torch.device = "cpu") -> T5:
    """Return a model with random weights, on a device; the same on every one."""
    model = T5(config)
    model.initialise(torch.Generator().manual_seed(seed))
    return model.to(device)


def start_model(
    config: ModelConfig, vocabulary: Vocabulary, seed: int, *, init: Path | None, device: str | torch.device
) -> T5:
    """Return the model that training starts from: random, or with the weights of a checkpoint.

    A checkpoint may have more rows than there are tokens, not fewer, and it decides whether the output uses
    the embedding; what else differs is refused by `load_pretrained`, which names every weight.
    """
    if init is None:
        return init_model(config.with_vocabulary(vocabulary.size), seed, device=device)
    rows, tied = embedding_of(init)
    if rows < vocabulary.size:
        raise CheckpointError(
            f"a checkpoint to start from has a row for every token; {init} has {rows} and the tokenizer "
            f"{vocabulary.size} tokens; give the tokenizer of that checkpoint in the section [tokenizer]"
        )
    model = T5(config.model_copy(update={"vocab_size": rows, "tied": tied}))
    load_pretrained(model, init)
    return model.to(device)


def save_weights(model: T5, path: Path) -> str:
    """Write the weights under their Hugging Face names, whole or not at all, and return their SHA-256."""
    weights = state(model)
    content = hashlib.sha256()
    for name, weight in weights.items():
        content.update(name.encode() + weight.view(torch.uint8).numpy().tobytes())
    # One entry only: safetensors writes several in random order, and equal weights should give equal files.
    write_finished({path: save(weights, {"format": "pt"})})
    return content.hexdigest()
