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
# Some files repeat the shared embedding under these names.
_COPIES = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")


def names(config: ModelConfig) -> Iterator[tuple[str, str]]:
    """Yield the name of every weight in `T5`, and that of Hugging Face."""
    yield "embedding", "shared.weight"
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
    with _Reader(path) as reader:
        shape = reader.shapes().get("shared.weight")
        if shape is None:
            raise CheckpointError(
                f"a checkpoint has the weights of a T5; {path} has no shared.weight; choose another one"
            )
        return shape[0], "lm_head.weight" not in reader.keys


def load_pretrained(model: T5, path: Path) -> None:
    """Copy the weights of a Hugging Face checkpoint, or of one of ours, into a model in place.

    A CheckpointError names every difference from the shape of the model.
    """
    ours = dict(model.named_parameters())
    with _Reader(path) as reader:
        wanted = {theirs: ours[name] for name, theirs in names(model.config)}
        problems = list(_differences({n: tuple(w.shape) for n, w in wanted.items()}, reader.shapes()))
        problems += [f"{name} differs from shared.weight" for name in _COPIES if not reader.is_copy(name)]
        if problems:
            shown = "; ".join(problems[:4]) + (f"; and {len(problems) - 4} more" if len(problems) > 4 else "")
            raise CheckpointError(
                f"a checkpoint has exactly the weights of the model; {path} is of another model: {shown}; "
                "give its sizes in the section [model] or choose another checkpoint"
            )
        with torch.no_grad():
            for name, weight in wanted.items():
                weight.copy_(reader.read(name))


def save_pretrained(model: T5, folder: Path, *, force: bool = False) -> None:
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
    write_files(files, force=force)


def state(model: T5) -> dict[str, Tensor]:
    """Return the weights by their Hugging Face names, on the CPU."""
    weights = dict(model.named_parameters())
    return {theirs: weights[ours].detach().cpu().contiguous() for ours, theirs in names(model.config)}


def _differences(
    wanted: Mapping[str, tuple[int, ...]], received: Mapping[str, tuple[int, ...]]
) -> Iterator[str]:
    """Yield a sentence for each weight that is missing, superfluous or of another shape."""
    for name, shape in wanted.items():
        if name not in received:
            yield f"{name} is missing"
        elif received[name] != shape:
            yield f"{name} is {received[name]} instead of {shape}"
    for name in sorted(set(received) - set(wanted) - set(_COPIES)):
        yield f"{name} is not part of the model"


class _Reader:
    """Reads tensors from a safetensors file, or from the files of a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.keys: dict[str, Any] = {}

    def __enter__(self) -> _Reader:
        for file in self._files():
            try:
                opened = safe_open(str(file), framework="pt", device="cpu")
            except (OSError, SafetensorError) as error:
                raise CheckpointError(
                    f"a checkpoint is a whole safetensors file; {file} cannot be read: {error}; "
                    "write it again"
                ) from error
            self.keys |= dict.fromkeys(opened.keys(), opened)  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *_: object) -> None:
        self.keys.clear()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every tensor."""
        return {name: tuple(file.get_slice(name).get_shape()) for name, file in self.keys.items()}

    def read(self, name: str) -> Tensor:
        """Return one tensor."""
        tensor: Tensor = self.keys[name].get_tensor(name)
        return tensor

    def is_copy(self, name: str) -> bool:
        """Return whether a tensor is absent, or the same as the shared embedding."""
        shared = "shared.weight"
        return not {name, shared} <= set(self.keys) or torch.equal(self.read(name), self.read(shared))

    def _files(self) -> list[Path]:
        """Return the files, in order."""
        if not self.path.is_dir():
            return [self.path]
        index = self.path / "model.safetensors.index.json"
        if index.is_file():
            shards = json.loads(index.read_text())["weight_map"].values()
            return [self.path / name for name in sorted(set(shards))]
        file = self.path / "model.safetensors"
        if not file.is_file():
            pickles = sorted(found.name for found in self.path.glob("*.bin"))
            hint = (
                f"{pickles[0]} is a pickle, which is never loaded: convert it" if pickles else "there is none"
            )
            raise CheckpointError(
                f"weights are read from model.safetensors; in {self.path}: {hint}; give another folder"
            )
        return [file]
