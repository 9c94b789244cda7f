"""How fast the harness trains and translates, against T5 of Hugging Face transformers on the same machine.

Same shape, same weights, same batches, in one process and in turns: pretraining tokens/s and MFU, finetuning
steps/s and greedily decoded sentences/s, for both in the same precision. transformers runs eagerly and, with
--compile, under torch.compile (and with its static cache in decoding); the ratio is to the faster one. On a
CPU: d_model 256, 4 + 4 layers, batch 16, one thread, seconds of CPU time, because other work may share the
machine. On a GPU, where there is one: 20M and 60M parameters, seconds of wall time.

Run: python benchmarks/harness.py [--compile] [--repeats N]
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bayesscale.harness.decoding.translate import translate
from bayesscale.harness.denoise import corrupt, span_counts
from bayesscale.harness.device import autocast, compiled, peak_flops
from bayesscale.harness.model.config import ModelConfig, Vocabulary
from bayesscale.harness.model.huggingface import names
from bayesscale.harness.optim.optimizers import ScaledAdamW
from bayesscale.harness.study.training import DecodingConfig
from bayesscale.harness.training.weights import init_model

RESULTS = Path(__file__).parent / "results"
CPU = {"4+4 x 256": ModelConfig(layers=4, d_model=256, d_ff=512, heads=4, d_kv=64, vocab_size=8192)}
GPU = {
    "20M": ModelConfig(layers=4, d_model=320, d_ff=1024, heads=5, d_kv=64, vocab_size=16384),
    "60M": ModelConfig(layers=8, d_model=512, d_ff=1024, heads=8, d_kv=64, vocab_size=16384),
}
# Sequences of pretraining and their length, pairs of finetuning, sentences decoded at once, and their tokens.
SIZES = {
    "cpu": {"batch": 16, "block": 256, "pairs": 16, "sentences": 16, "tokens": 64},
    "cuda": {"batch": 128, "block": 512, "pairs": 128, "sentences": 512, "tokens": 128},
}
NO_GPU = "GPU, 20M and 60M in bf16: no GPU was at hand"
NOT_COMPILED = "transformers under torch.compile: not measured in this run (--compile)"
Step = Callable[[], object]


def main() -> None:
    """Measure everything, print the table and write it down."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--compile", action="store_true", help="also measure transformers under torch.compile"
    )
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    rows = []
    for name, config in CPU.items():
        for precision in ("fp32", "bf16"):
            rows += measure(name, config, torch.device("cpu"), precision, options)
    if torch.cuda.is_available():
        for name, config in GPU.items():
            rows += measure(name, config, torch.device("cuda"), "bf16", options)
    import transformers

    open_rows = [] if torch.cuda.is_available() else [NO_GPU]
    open_rows += [] if options.compile else [NOT_COMPILED]
    document = {
        "torch": torch.__version__, "transformers": transformers.__version__, "machine": _processor(),
        "sizes": SIZES, "repeats": options.repeats, "rows": rows, "open": open_rows,
    }  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "harness.json").write_text(json.dumps(document, indent=1) + "\n")
    for row in rows:
        print(row)
    print(*open_rows, sep="\n")


def measure(
    name: str, config: ModelConfig, device: torch.device, precision: str, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Return one row for each kind of work."""
    sizes, ours = SIZES[device.type], init_model(config, 0, device=device)
    theirs = _theirs(config, ours, device)
    work = {
        "pretraining": _training(ours, theirs, device, precision, options, _blocks(config, sizes, device)),
        "finetuning": _training(ours, theirs, device, precision, options, _pairs(config, sizes, device)),
        "greedy decoding": _decoding(config, ours, theirs, device, precision, options),
    }
    rows = []
    counts = span_counts(sizes["block"])
    for kind, steps in work.items():
        seconds = _in_turns(steps, device, options.repeats)
        print(kind, precision, seconds, file=sys.stderr, flush=True)
        rivals = {key: value for key, value in seconds.items() if key != "ours"}
        row = {
            "model": name, "device": _name(device), "precision": precision, "work": kind,
            "seconds a step": {key: round(value, 4) for key, value in seconds.items()},
            "times as fast as eager": round(seconds["transformers eager"] / seconds["ours"], 2),
            "times as fast as the best": round(min(rivals.values()) / seconds["ours"], 2)
            if len(rivals) > 1
            else None,
        }  # fmt: skip
        if kind == "pretraining":
            flops = 3 * sizes["batch"] * config.flops(counts.source, counts.target)
            peak = peak_flops(device, precision) or _product_speed(device, precision)
            row["tokens a second"] = round(sizes["batch"] * sizes["block"] / seconds["ours"])
            row["mfu"] = round(flops / seconds["ours"] / peak, 3)
            row["peak"] = (
                "stated by the maker" if peak_flops(device, precision) else "of a large product, here"
            )
        elif kind == "finetuning":
            row["steps a second"] = round(1 / seconds["ours"], 3)
        else:
            row["sentences a second"] = round(sizes["sentences"] / seconds["ours"], 1)
        rows.append(row)
    return rows


def _theirs(config: ModelConfig, ours: Any, device: torch.device) -> Any:
    """Return T5 of transformers with the same weights."""
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
        for mine, name in names(config).items():
            model.get_parameter(name).copy_(weights[mine])
    model.generation_config.eos_token_id = None
    return model.to(device)


def _blocks(config: ModelConfig, sizes: dict[str, int], device: torch.device) -> Any:
    """Return source, decoder input and labels of one pretraining step."""
    vocabulary = Vocabulary(size=config.vocab_size or 0, first_sentinel=(config.vocab_size or 0) - 1)
    random = np.random.default_rng(0).integers(3, vocabulary.size - 100, (sizes["batch"], sizes["block"]))
    blocks = torch.from_numpy(random).to(device)
    return corrupt(blocks, torch.arange(sizes["batch"], device=device), seed=0, vocabulary=vocabulary)


def _pairs(config: ModelConfig, sizes: dict[str, int], device: torch.device) -> Any:
    """Return source, decoder input and labels of one finetuning step: sentences of 32 tokens."""
    random = np.random.default_rng(1).integers(3, config.vocab_size or 0, (2, sizes["pairs"], 32))
    source, labels = torch.from_numpy(random).to(device)
    start = torch.zeros_like(labels[:, :1])
    return source, torch.cat([start, labels[:, :-1]], 1), labels


def _training(
    ours: Any, theirs: Any, device: torch.device, precision: str, options: argparse.Namespace, batch: Any
) -> dict[str, Step]:
    """Return a training step of every rival: forward, backward, clipping and the optimiser."""
    source, target_in, labels = batch
    forward = compiled(ours, "auto", device)

    def step(model: Any, optimizer: torch.optim.Optimizer, loss: Callable[[], Any]) -> Step:
        def run() -> None:
            model.train()
            optimizer.zero_grad(set_to_none=True)
            with autocast(device, precision):
                value = loss()
            value.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

        return run

    # Rates of 0 keep the weights equal; the work is the same.
    steps = {
        "ours": step(
            ours,
            ScaledAdamW(ours.parameters(), lr=0.0),
            lambda: forward(source, target_in, labels) / labels.numel(),
        ),
        "transformers eager": step(
            theirs,
            torch.optim.AdamW(theirs.parameters(), lr=0.0),
            lambda: theirs(input_ids=source, labels=labels).loss,
        ),
    }
    if options.compile:
        fast = torch.compile(theirs)
        steps["transformers compiled"] = step(
            theirs,
            torch.optim.AdamW(theirs.parameters(), lr=0.0, fused=True),
            lambda: fast(input_ids=source, labels=labels).loss,
        )
    return steps


def _decoding(
    config: ModelConfig,
    ours: Any,
    theirs: Any,
    device: torch.device,
    precision: str,
    options: argparse.Namespace,
) -> dict[str, Step]:
    """Return greedy decoding of a fixed number of tokens; in fp32 all must choose the same tokens."""
    sizes = SIZES[device.type]
    random = np.random.default_rng(2).integers(3, config.vocab_size or 0, (sizes["sentences"], 32))
    source, mask = (
        torch.from_numpy(random).to(device),
        torch.ones(random.shape, dtype=torch.long, device=device),
    )
    settings = DecodingConfig.model_validate(
        {"precision": precision, "max_length": sizes["tokens"], "batch": sizes["sentences"]}
    )

    def mine() -> list[list[int]]:
        # No token ends a sentence, so that all rivals do the same work.
        return translate(ours, list(random), settings, device=device.type, pad=0, eos=-1)

    def generate(**more: Any) -> Step:
        def run() -> list[list[int]]:
            theirs.eval()
            with torch.no_grad(), autocast(device, precision):
                found = theirs.generate(
                    input_ids=source,
                    attention_mask=mask,
                    max_new_tokens=sizes["tokens"],
                    do_sample=False,
                    **more,
                )
            return [[token for token in row[1:] if token] for row in found.tolist()]

        return run

    eager = generate()
    if precision == "fp32" and mine() != eager():
        raise SystemExit("the two models translate differently")
    steps: dict[str, Step] = {"ours": mine, "transformers eager": eager}
    if options.compile and device.type == "cuda":
        steps["transformers compiled"] = generate(cache_implementation="static")
    return steps


def _in_turns(steps: dict[str, Step], device: torch.device, repeats: int) -> dict[str, float]:
    """Return the median seconds of every rival, measured in turns after a warmup."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(repeats + 2):
        for name, step in steps.items():
            _wait(device)
            began = clock()
            step()
            _wait(device)
            if number >= 2:
                taken[name].append(clock() - began)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def _product_speed(device: torch.device, precision: str) -> float:
    """Return the operations a second of a large matrix product, the peak of a device that states none."""
    one = torch.randn(
        2048, 2048, device=device, dtype=torch.bfloat16 if precision == "bf16" else torch.float32
    )
    seconds = _in_turns({"product": lambda: one @ one}, device, 5)["product"]
    return 2 * 2048**3 / seconds


def _wait(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def _name(device: torch.device) -> str:
    """Return what a device is called."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU, one thread"


def _processor() -> str:
    """Return the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


if __name__ == "__main__":
    main()
