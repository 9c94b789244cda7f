"""What the harness does on a GPU, in eight minutes: training, finetuning, decoding, and that they are right.

Needs torch, NumPy and safetensors; compares with transformers where that is installed. The result is written
after each stage, so that a run cut short leaves what it has measured. Stages whose turn comes after the time
is up are left out and named.

Run: python benchmarks/gpu.py [--tiny] [--minutes 8] [--output FILE]
"""

# ruff: noqa: E402 (what stands in for pydantic comes before what imports it)
from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch


def _stand_in_for_pydantic() -> None:
    """Let the values of the harness be made where pydantic is not installed; nothing is validated then."""

    class BaseModel:
        def __init__(self, **values: Any) -> None:
            for name in self.__annotations__:
                setattr(self, name, values.get(name, getattr(type(self), name, None)))

        def model_copy(self, *, update: dict[str, Any]) -> Any:
            return type(self)(**{**vars(self), **update})

        def __eq__(self, other: object) -> bool:
            return vars(self) == vars(other)

        def __hash__(self) -> int:
            return hash(tuple(vars(self).values()))

    module = ModuleType("pydantic")
    plain = {"ConfigDict": dict, "Field": lambda default=None, **_: default, "BaseModel": BaseModel}
    vars(module).update(plain, model_validator=lambda **_: lambda function: function)
    sys.modules["pydantic"] = module


sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
if find_spec("pydantic") is None:
    _stand_in_for_pydantic()

from bayesscale.harness.decoding.scores import cross_entropy
from bayesscale.harness.decoding.translate import translate
from bayesscale.harness.denoise import corrupt
from bayesscale.harness.device import autocast, compile_model
from bayesscale.harness.model.config import ModelConfig, Vocabulary, span_counts
from bayesscale.harness.model.huggingface import names
from bayesscale.harness.training.finetuning import finetune
from bayesscale.harness.training.jobs import FinetuneJob
from bayesscale.harness.training.optimizer import ScaledAdamW
from bayesscale.harness.training.weights import init_model

RESULTS = Path(__file__).parent / "results" / "gpu.json"


@dataclass(frozen=True)
class Sizes:
    """What is measured."""

    models: dict[str, ModelConfig]
    lengths: tuple[int, ...]
    batch: int
    product: int
    pairs: int
    pair_tokens: int
    steps: int
    sentences: int
    longest: int
    repeats: int


def _shape(layers: int, width: int, heads: int, vocabulary: int) -> ModelConfig:
    return ModelConfig(
        layers=layers, d_model=width, d_ff=2 * width, heads=heads, d_kv=width // heads, vocab_size=vocabulary
    )


FULL = Sizes(
    models={"20M": _shape(4, 384, 6, 16384), "60M": _shape(8, 512, 8, 16384)},
    lengths=(284, 568), batch=128, product=8192, pairs=20_000, pair_tokens=16384, steps=60, sentences=3000,
    longest=128, repeats=20,
)  # fmt: skip
TINY = Sizes(
    models={"tiny": _shape(1, 32, 2, 512)}, lengths=(64,), batch=4, product=128, pairs=60, pair_tokens=256,
    steps=4, sentences=12, longest=16, repeats=2,
)  # fmt: skip


def main() -> None:
    """Run the stages one after the other, and write down what each has found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="sizes that a CPU can do, to test the script")
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    sizes, device = (
        TINY if options.tiny else FULL,
        torch.device("cuda" if torch.cuda.is_available() else "cpu"),
    )
    if device.type == "cpu" and not options.tiny:
        raise SystemExit("there is no GPU that torch can use; --tiny tests the script on a CPU")
    torch.set_num_threads(1)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU, one thread"
    found: dict[str, Any] = {"torch": torch.__version__, "device": name, "tiny": options.tiny, "left out": []}
    began = time.perf_counter()
    stages: dict[str, Callable[[], Any]] = {
        "peak": lambda: peak(sizes, device),
        **{
            f"training {model} at {length}": lambda m=model, n=length: training(sizes, m, n, device, found)
            for length in sizes.lengths
            for model in sizes.models
        },
        "finetuning": lambda: finetuning(sizes, device),
        "decoding": lambda: decoding(sizes, device),
        "right": lambda: right(sizes, device),
    }
    for stage, measure in stages.items():
        if time.perf_counter() - began > 60 * options.minutes:
            found["left out"].append(stage)
        else:
            try:
                found[stage] = measure()
            except Exception as error:  # one stage that fails must not hide the others
                found[stage] = {"error": f"{type(error).__name__}: {error}"[:2000]}
        found["seconds"] = round(time.perf_counter() - began, 1)
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(found, indent=1) + "\n")
        print(stage, json.dumps(found.get(stage, "left out")), flush=True)


def peak(sizes: Sizes, device: torch.device) -> dict[str, float]:
    """Return the operations a second of a large product in bf16: what MFU refers to."""
    one = torch.randn(sizes.product, sizes.product, device=device, dtype=torch.bfloat16)
    return {"flops": 2 * sizes.product**3 / _seconds(lambda: one @ one, device, sizes.repeats)}


def training(
    sizes: Sizes, name: str, length: int, device: torch.device, found: dict[str, Any]
) -> dict[str, Any]:
    """Return speed and MFU of whole training steps, ours compiled and that of transformers."""
    config, counts = sizes.models[name], span_counts(length)
    ours = init_model(config, 0, device=device).train()
    vocabulary = Vocabulary(size=config.vocab_size, first_sentinel=config.vocab_size - 1, sentinels=100)
    random = np.random.default_rng(0).integers(3, config.vocab_size - 100, (sizes.batch, length))
    places = torch.arange(sizes.batch, device=device)
    batch = corrupt(torch.from_numpy(random).to(device), places, seed=0, vocabulary=vocabulary)
    compile_model(ours, "auto")
    optimizer = ScaledAdamW(ours.parameters(), lr=0.0)
    step = _step(ours, optimizer, lambda: ours(*batch) / batch.labels.numel(), device)
    began = time.perf_counter()
    step()
    _wait(device)
    compiling = time.perf_counter() - began
    seconds = _seconds(step, device, sizes.repeats)
    flops = 3 * sizes.batch * config.flops(counts.source, counts.target)
    row: dict[str, Any] = {
        "weights": config.parameters(), "encoder": counts.source, "first step": round(compiling, 1),
        "seconds a step": seconds, "tokens a second": sizes.batch * length / seconds,
        "mfu": flops / seconds / found["peak"]["flops"], "profile": _profile(step, device),
    }  # fmt: skip
    if (theirs := _transformers(config, ours, device)) is not None:
        theirs.train()
        fast = torch.compile(theirs) if device.type == "cuda" else theirs
        optimizer = torch.optim.AdamW(theirs.parameters(), lr=0.0, fused=device.type == "cuda")

        def loss() -> Any:
            return fast(input_ids=batch.source, labels=batch.labels).loss

        rival = _seconds(_step(theirs, optimizer, loss, device), device, sizes.repeats)
        row |= {"transformers": rival, "times as fast": rival / seconds}
    return row


def finetuning(sizes: Sizes, device: torch.device) -> dict[str, Any]:
    """Return seconds of `finetune` on ragged pairs with dropout, compiled and eager, and its compilations."""
    from torch._dynamo.utils import counters

    config = next(iter(sizes.models.values()))
    row: dict[str, Any] = {}
    for name, wanted in (("eager", False), ("compiled", device.type == "cuda")):
        counters.clear()
        workspace = None
        for turn in ("first cell", "next cell"):
            began = time.perf_counter()
            result = finetune(_job(sizes, config, device, wanted, workspace))
            row[f"{name}, {turn}"] = round(time.perf_counter() - began, 2)
            workspace = result.model
        row[f"{name}, graphs"] = counters["stats"].get("unique_graphs", 0)
        row[f"{name}, breaks"] = sum(counters["graph_break"].values())
        row[f"{name}, dev loss"] = result.dev_loss
    return row


def decoding(sizes: Sizes, device: torch.device) -> dict[str, Any]:
    """Return seconds for ragged sentences, ours and of transformers with a static cache."""
    config = next(iter(sizes.models.values()))
    model, sources = init_model(config, 0, device=device).eval(), _ragged(sizes.sentences, config, 1)
    settings: Any = SimpleNamespace(precision="bf16", max_length=sizes.longest, batch=512)

    def ours() -> Any:
        # No token ends a sentence, so that all rivals do the same work.
        return translate(model, sources, settings, eos=-1)

    seconds = _seconds(ours, device, 2)
    row: dict[str, Any] = {"seconds": seconds, "sentences a second": sizes.sentences / seconds}
    if (theirs := _transformers(config, model, device)) is not None:
        theirs.eval()
        more = {"cache_implementation": "static"} if device.type == "cuda" else {}

        def generate() -> None:
            order = np.argsort([-len(source) for source in sources])
            for rows in np.split(order, range(512, len(order), 512)):
                width = max(len(sources[row]) for row in rows)
                ids = torch.zeros(len(rows), width, dtype=torch.long)
                for place, row in enumerate(rows):
                    ids[place, : len(sources[row])] = torch.from_numpy(sources[row])
                ids = ids.to(device)
                with torch.no_grad(), autocast(device, "bf16"):
                    theirs.generate(
                        input_ids=ids, attention_mask=(ids != 0).long(), max_new_tokens=sizes.longest,
                        do_sample=False, **more,
                    )  # fmt: skip

        rival = _seconds(generate, device, 2)
        row |= {"transformers": rival, "times as fast": rival / seconds}
    return row


def right(sizes: Sizes, device: torch.device) -> dict[str, Any]:
    """Return whether losses and translations in fp32 are those of a CPU."""
    config = next(iter(sizes.models.values()))
    pairs = SimpleNamespace(source=_ragged(32, config, 2), target=_ragged(32, config, 3))
    settings: Any = SimpleNamespace(precision="fp32", max_length=24, batch=16)
    losses, said = [], []
    for place in ("cpu", device.type):
        model = init_model(config, 0, device=place).eval()
        losses.append(cross_entropy(model, pairs).per_token)
        said.append(translate(model, pairs.source, settings))
    same = sum(one == other for one, other in zip(*said, strict=True))
    return {"losses": losses, "difference": abs(losses[0] - losses[1]), "same translations of 32": same}


def _job(
    sizes: Sizes, config: ModelConfig, device: torch.device, wanted: bool, workspace: Any
) -> FinetuneJob:
    """Return a finetuning of ragged pairs with dropout."""
    pairs = SimpleNamespace(source=_ragged(sizes.pairs, config, 4), target=_ragged(sizes.pairs, config, 5))
    dev = SimpleNamespace(source=pairs.source[:50], target=pairs.target[:50])
    settings: Any = SimpleNamespace(
        batch=sizes.pair_tokens, steps=sizes.steps, steps_of=lambda tokens: sizes.steps, rates=(0.003, 0.01),
        length=128, dropout=0.1, weight_decay=0.0, clip=1.0, warmup=0, accumulate=1, precision="bf16",
        compile=wanted,
    )  # fmt: skip
    vocabulary = Vocabulary(size=config.vocab_size, first_sentinel=config.vocab_size - 1, sentinels=100)
    return FinetuneJob(
        model=config, weights=None, train=pairs, dev=dev, config=settings, vocabulary=vocabulary, seed=0,
        device=device.type, workspace=workspace,
    )  # fmt: skip


def _ragged(count: int, config: ModelConfig, seed: int) -> list[Any]:
    """Return sentences of many lengths, each ending with EOS."""
    random = np.random.default_rng(seed)
    lengths = np.clip(random.gamma(4.0, 7.0, count), 3, 120).astype(int)
    return [np.append(random.integers(3, config.vocab_size - 100, n), 1) for n in lengths]


def _step(model: Any, optimizer: Any, loss: Callable[[], Any], device: torch.device) -> Callable[[], None]:
    """Return a training step: forward, backward, clipping and the optimiser."""

    def run() -> None:
        optimizer.zero_grad(set_to_none=True)
        with autocast(device, "bf16"):
            value = loss()
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return run


def _transformers(config: ModelConfig, ours: Any, device: torch.device) -> Any:
    """Return T5 of transformers with the same weights; None where it is not installed."""
    if find_spec("transformers") is None:
        return None
    import transformers

    transformers.logging.set_verbosity_error()
    layers, decoder_layers = config.depth
    shape = transformers.T5Config(
        vocab_size=config.vocab_size, d_model=config.d_model, d_ff=config.d_ff, d_kv=config.d_kv,
        num_layers=layers, num_decoder_layers=decoder_layers, num_heads=config.heads, dropout_rate=0.0,
        feed_forward_proj="gated-gelu", decoder_start_token_id=0,
    )  # fmt: skip
    shape.scale_decoder_outputs = False
    model = transformers.T5ForConditionalGeneration(shape)
    model.lm_head.weight = torch.nn.Parameter(torch.empty_like(model.shared.weight))
    weights = dict(ours.named_parameters())
    with torch.no_grad():
        for mine, name in names(config):
            model.get_parameter(name).copy_(weights[mine])
    model.generation_config.eos_token_id = None
    return model.to(device)


def _seconds(work: Callable[[], Any], device: torch.device, repeats: int) -> float:
    """Return the median seconds of some work, after a warmup."""
    taken = []
    for number in range(repeats + 2):
        _wait(device)
        began = time.perf_counter()
        work()
        _wait(device)
        if number >= 2:
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _profile(step: Callable[[], None], device: torch.device) -> list[dict[str, Any]]:
    """Return the operations that take most of a step."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profile:
        step()
        _wait(device)
    key = "self_device_time_total" if device.type == "cuda" else "self_cpu_time_total"
    rows = sorted(profile.key_averages(), key=lambda row: -getattr(row, key))[:8]
    return [
        {"name": row.key[:80], "ms": round(getattr(row, key) / 1e3, 3), "calls": row.count} for row in rows
    ]


def _wait(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
