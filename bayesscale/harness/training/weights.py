"""Make a model, read its weights and write them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save

from bayesscale.errors import CheckpointError, TrainingError, UsageError
from bayesscale.files import write_files
from bayesscale.harness.model.config import ModelConfig, Vocabulary
from bayesscale.harness.model.huggingface import embedding_of, load_pretrained, read_config, state
from bayesscale.harness.model.t5 import T5


def init_model(config: ModelConfig, seed: int, *, device: str | torch.device = "cpu") -> T5:
    """Return a model with random weights; the same on every device.

    Parameters
    ----------
    config : ModelConfig
        Shape, with the size of the vocabulary.
    seed : int
        Decides the weights.
    device : str
        Where they are.
    """
    model = T5(config)
    model.initialise(torch.Generator().manual_seed(seed))
    return model.to(device)


def start_model(
    config: ModelConfig, vocabulary: Vocabulary, seed: int, *, init: Path | None, device: str | torch.device
) -> T5:
    """Return the model that pretraining starts from: random, or a local Hugging Face checkpoint.

    Parameters
    ----------
    config : ModelConfig
        Shape; the vocabulary fills in its size.
    vocabulary : Vocabulary
        A checkpoint may have more rows than it needs, not less.
    seed : int
        Decides random weights.
    init : Path or None
        Folder of the checkpoint.
    device : str
        Where the weights are.

    Raises
    ------
    CheckpointError
        The checkpoint is missing, damaged or of another shape, or has fewer rows than the vocabulary.
    """
    shape = start_config(config, vocabulary, init)
    if init is None:
        return init_model(shape, seed, device=device)
    model = T5(shape)
    load_pretrained(model, init)
    return model.to(device)


def start_config(config: ModelConfig, vocabulary: Vocabulary, init: Path | None) -> ModelConfig:
    """Return the shape of the model that pretraining starts from, without making it.

    Parameters
    ----------
    config : ModelConfig
        Shape; the vocabulary fills in its size.
    vocabulary : Vocabulary
        A checkpoint may have more rows than it needs, not less.
    init : Path or None
        Folder of a checkpoint.

    Raises
    ------
    CheckpointError
        The checkpoint is missing, or has fewer rows than the vocabulary.
    """
    if init is None:
        return config.with_vocabulary(vocabulary.size)
    found = read_config(init)
    rows = found.vocab_size or 0
    if rows < vocabulary.size:
        raise CheckpointError(
            f"a checkpoint to start from has a row for every token; {init} has {rows} and the tokenizer "
            f"{vocabulary.size} tokens; give the tokenizer of that checkpoint in the section [tokenizer]"
        )
    # A shape that differs is refused by load_pretrained, which names every weight.
    return config.model_copy(update={"vocab_size": rows, "tied": found.tied, "epsilon": found.epsilon})


def saved_config(config: ModelConfig, vocabulary: Vocabulary, path: Path | None) -> ModelConfig:
    """Return the shape of the model that a checkpoint of ours fits into.

    A run that started from a Hugging Face checkpoint has its number of rows, which may be more than there are
    tokens.

    Parameters
    ----------
    config : ModelConfig
        Shape without a vocabulary.
    vocabulary : Vocabulary
        At least so many rows.
    path : Path or None
        The checkpoint; None for random weights.
    """
    rows, tied = (0, config.tied) if path is None else embedding_of(path)
    shape = config.with_vocabulary(max(rows, vocabulary.size))
    return shape.model_copy(update={"tied": tied})


def load_weights(model: T5, path: Path) -> None:
    """Copy the weights of a checkpoint into a model in place.

    Raises
    ------
    CheckpointError
        The file is missing, damaged or of another model.
    """
    load_pretrained(model, path)


def save_weights(model: T5, path: Path) -> str:
    """Write the weights under their Hugging Face names, whole or not at all, and return their SHA-256.

    Parameters
    ----------
    model : T5
        The model.
    path : Path
        A safetensors file.

    Raises
    ------
    TrainingError
        The file cannot be written, for instance because the disk is full.
    """
    weights = state(model)
    content = hashlib.sha256()
    for name, weight in weights.items():
        content.update(name.encode() + weight.view(torch.uint8).numpy().tobytes())
    # One entry only: safetensors writes several in random order, and equal weights should give equal files.
    write_saved({path: save(weights, {"format": "pt"})})
    return content.hexdigest()


def write_saved(contents: Mapping[Path, str | bytes]) -> None:
    """Write files of a run, replacing older ones, each whole or not at all.

    Raises
    ------
    TrainingError
        One cannot be written; what was saved before is still there.
    """
    try:
        write_files(contents, force=True)
    except UsageError as error:
        size = sum(len(content) for content in contents.values()) / 2**20
        raise TrainingError(
            f"what training has reached is saved, which needs {size:.1f} MiB here; {error}; nothing that was "
            "saved before is lost: make room and run the same command again"
        ) from error
