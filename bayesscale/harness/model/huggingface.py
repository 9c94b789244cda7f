"""Weights of Hugging Face T5 v1.1 and mT5, in and out, as safetensors and never as a pickle."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from bayesscale.errors import CheckpointError
from bayesscale.files import write_files
from bayesscale.harness.model.config import HUGGINGFACE_SIZES, ModelConfig
from bayesscale.harness.model.t5 import T5

_ATTENTION = {"query": "q", "key": "k", "value": "v", "out": "o"}
_GATED = {"gate": "wi_0", "up": "wi_1", "down": "wo"}
_SHARED = "shared.weight"
# Some files repeat the shared embedding under these names.
_COPIES = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")


def names(config: ModelConfig) -> Iterator[tuple[str, str]]:
    """Yield the name of every weight in `T5`, and that of Hugging Face."""
    yield "embedding", _SHARED
    if not config.tied:
        yield "output", "lm_head.weight"
    for stack, blocks in zip(("encoder", "decoder"), config.depth, strict=True):
        first = f"{stack}.block.0.layer.0.SelfAttention"
        yield f"{stack}_bias", f"{first}.relative_attention_bias.weight"
        yield f"{stack}_norm.weight", f"{stack}.final_layer_norm.weight"
        parts = [("attention", "SelfAttention", _ATTENTION), ("gated", "DenseReluDense", _GATED)]
        if stack == "decoder":
            parts.insert(1, ("cross", "EncDecAttention", _ATTENTION))
        for block in range(blocks):
            for index, (ours, theirs, matrices) in enumerate(parts):
                layer = f"{stack}.block.{block}.layer.{index}"
                yield f"{stack}.{block}.{ours}.norm.weight", f"{layer}.layer_norm.weight"
                for matrix, name in matrices.items():
                    yield f"{stack}.{block}.{ours}.{matrix}", f"{layer}.{theirs}.{name}.weight"


def embedding_of(path: Path) -> tuple[int, bool]:
    """Return how many rows the embedding of a checkpoint has, and whether the output uses it too.

    The checkpoint is a safetensors file, or a folder with one or with shards. One that is missing, damaged or
    no T5 is a CheckpointError.
    """
    tensors = _tensors(path)
    if _SHARED not in tensors:
        raise CheckpointError(
            f"a checkpoint has the weights of a T5; {path} has no {_SHARED}; choose another one"
        )
    return _shape(_SHARED, tensors[_SHARED])[0], "lm_head.weight" not in tensors


def load_pretrained(model: T5, path: Path) -> None:
    """Copy the weights of a Hugging Face checkpoint, or of one of ours, into a model in place.

    A CheckpointError names every difference from the shape of the model.
    """
    ours, tensors = dict(model.named_parameters()), _tensors(path)
    wanted = {theirs: ours[name] for name, theirs in names(model.config)}
    if problems := list(_differences(wanted, tensors)):
        shown = "; ".join(problems[:4]) + (f"; and {len(problems) - 4} more" if len(problems) > 4 else "")
        raise CheckpointError(
            f"a checkpoint has exactly the weights of the model; {path} is of another model: {shown}; "
            "give its sizes in the section [model] or choose another checkpoint"
        )
    with torch.no_grad():
        for name, weight in wanted.items():
            weight.copy_(tensors[name].get_tensor(name))


def save_pretrained(model: T5, folder: Path) -> None:
    """Write a folder that Hugging Face `transformers` loads: config.json and model.safetensors."""
    config = model.config
    values = {**config.model_dump(), "decoder_layers": config.depth[1]}
    document = {theirs: values[ours] for ours, theirs in HUGGINGFACE_SIZES.items()}
    document |= {
        "model_type": "t5",
        "architectures": ["T5ForConditionalGeneration"],
        "feed_forward_proj": "gated-gelu",
        "is_encoder_decoder": True,
        "tie_word_embeddings": config.tied,
        "scale_decoder_outputs": config.tied,
        "decoder_start_token_id": 0,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "dropout_rate": 0.1,
    }
    files: dict[Path, str | bytes] = {
        folder / "model.safetensors": save(state(model), {"format": "pt"}),
        folder / "config.json": json.dumps(document, indent=2) + "\n",
    }
    write_files(files)


def state(model: T5) -> dict[str, Tensor]:
    """Return the weights by their Hugging Face names, on the CPU."""
    weights = dict(model.named_parameters())
    return {theirs: weights[ours].detach().cpu().contiguous() for ours, theirs in names(model.config)}


def _differences(wanted: Mapping[str, Tensor], tensors: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each weight that is missing, superfluous or of another shape."""
    for name, weight in wanted.items():
        if name not in tensors:
            yield f"{name} is missing"
        elif (found := _shape(name, tensors[name])) != tuple(weight.shape):
            yield f"{name} is {found} instead of {tuple(weight.shape)}"
    for name in sorted(set(tensors) - set(wanted) - set(_COPIES)):
        yield f"{name} is not part of the model"
    for name in set(_COPIES) & set(tensors) if _SHARED in tensors else ():
        if not torch.equal(tensors[name].get_tensor(name), tensors[_SHARED].get_tensor(_SHARED)):
            yield f"{name} differs from {_SHARED}"


def _tensors(path: Path) -> dict[str, Any]:
    """Return the open file of each tensor in a safetensors file, or in the files of a folder."""
    found: dict[str, Any] = {}
    for file in _files(path):
        try:
            opened = safe_open(str(file), framework="pt", device="cpu")
        except (OSError, SafetensorError) as error:
            raise CheckpointError(
                f"a checkpoint is a whole safetensors file; {file} cannot be read: {error}; write it again"
            ) from error
        found |= dict.fromkeys(opened.keys(), opened)  # type: ignore[no-untyped-call]
    return found


def _shape(name: str, file: Any) -> tuple[int, ...]:
    """Return the shape of a tensor, without reading it."""
    return tuple(file.get_slice(name).get_shape())


def _files(path: Path) -> list[Path]:
    """Return the files of a checkpoint, in order."""
    if not path.is_dir():
        return [path]
    index, file = path / "model.safetensors.index.json", path / "model.safetensors"
    if index.is_file():
        shards = json.loads(index.read_text())["weight_map"].values()
        return [path / name for name in sorted(set(shards))]
    if file.is_file():
        return [file]
    pickles = sorted(found.name for found in path.glob("*.bin"))
    hint = f"{pickles[0]} is a pickle, which is never loaded: convert it" if pickles else "there is none"
    raise CheckpointError(f"weights are read from model.safetensors; in {path}: {hint}; give another folder")
