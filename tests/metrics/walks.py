"""Files in the shapes that docs/tables.md walks through; their numbers are simulated."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

SIZES = np.array([1000, 2000, 4000, 8000, 16000, 32000])


def write_walks(folder: Path) -> None:
    """Write the files of all walks into a folder.

    Parameters
    ----------
    folder : Path
        An empty folder.
    """
    rng = np.random.default_rng(19)
    _harness_folder(folder / "evals", rng)
    _chart(folder / "chart.csv", rng)
    _sweep(folder / "sweep.csv", rng)
    _systems(folder / "systems.csv", rng)
    _trainer_states(folder / "runs", rng)


def _rising(rng: np.random.Generator, first: float, gain: float, noise: float) -> list[float]:
    """Return a score that gains the same with every doubling."""
    return [
        float(value) for value in first + gain * np.arange(len(SIZES)) + noise * rng.normal(size=len(SIZES))
    ]


def _falling(rng: np.random.Generator, floor: float, first: float) -> list[float]:
    """Return a loss that falls to a floor by a power of the size."""
    noise = 0.004 * rng.normal(size=len(SIZES))
    return [float(value) for value in floor + first * (SIZES / SIZES[0]) ** -0.4 + noise]


def _harness_folder(folder: Path, rng: np.random.Generator) -> None:
    """Write results of the lm-evaluation-harness for two mixtures and six checkpoints."""
    scores = {
        (mixture, task): _rising(rng, first, gain, 0.004)
        for mixture, first, gain in (("web", 0.27, 0.031), ("web-code", 0.25, 0.037))
        for task in ("arc_easy", "hellaswag")
    }
    for position, step in enumerate(SIZES):
        for mixture in ("web", "web-code"):
            results = {
                task: {
                    "alias": task,
                    "acc,none": round(scores[mixture, task][position], 4),
                    "acc_stderr,none": 0.0049,
                }
                for task in ("arc_easy", "hellaswag")
            }
            document = {"results": results, "config": {"model": "hf", "num_fewshot": 0}, "n-shot": {}}
            path = folder / mixture / f"step{step}" / "results.json"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(document, indent=1))


def _chart(path: Path, rng: np.random.Generator) -> None:
    """Write the chart that Weights & Biases exports for two runs."""
    runs = {"en+fr": _rising(rng, 14, 2.1, 0.15), "en": _rising(rng, 12, 1.9, 0.15)}
    names = [f"{run} - eval/bleu{end}" for run in runs for end in ("", "__MIN", "__MAX")]
    lines = [",".join(f'"{name}"' for name in ("Step", *names))]
    for position, step in enumerate(SIZES):
        cells = [f"{values[position]:.2f}" for values in runs.values() for _ in range(3)]
        lines.append(",".join(f'"{cell}"' for cell in (step, *cells)))
    path.write_text("\n".join(lines) + "\n")


def _sweep(path: Path, rng: np.random.Generator) -> None:
    """Write a sweep of learning rates for two sizes of model."""
    lines = ["n_params,tokens,lr,val_loss"]
    for size, floor in (("60M", 2.9), ("250M", 2.5)):
        losses = _falling(rng, floor, 1.4)
        for position, step in enumerate(SIZES):
            for rate, worse in (("1e-3", 0.0), ("3e-3", 0.05), ("1e-4", 0.2)):
                lines.append(f"{size},{step // 1000 * 0.5:g}B,{rate},{losses[position] + worse:.3f}")
    path.write_text("\n".join(lines) + "\n")


def _systems(path: Path, rng: np.random.Generator) -> None:
    """Write a spreadsheet of a country with decimal commas, with systems as columns."""
    systems = {"Baseline": _rising(rng, 11, 2.0, 0.15), "Back-translation": _rising(rng, 15, 1.8, 0.15)}
    lines = [";".join(["Sentences", *systems])]
    for position, step in enumerate(SIZES):
        cells = [f"{values[position]:.1f}".replace(".", ",") for values in systems.values()]
        lines.append(";".join([f"{step:,}".replace(",", "."), *cells]))
    path.write_text("\n".join(lines) + "\n")


def _trainer_states(folder: Path, rng: np.random.Generator) -> None:
    """Write the states of Hugging Face Trainers, a folder for each run."""
    for run, floor, first in (("web", 1.7, 1.3), ("web-code", 1.6, 1.2), ("web-books", 1.75, 1.35)):
        path = folder / run / "trainer_state.json"
        path.parent.mkdir(parents=True)
        _trainer_state(path, _falling(rng, floor, first))


def _trainer_state(path: Path, losses: list[float]) -> None:
    """Write the state of one Trainer."""
    history = []
    for step, loss in zip(SIZES.tolist(), losses, strict=True):
        epoch = step / 32000
        history.append(
            {"epoch": epoch, "grad_norm": 1.2, "learning_rate": 1e-4, "loss": loss - 0.1, "step": step}
        )
        history.append({"epoch": epoch, "eval_loss": round(loss, 4), "eval_runtime": 12.1, "step": step})
    history.append(
        {"epoch": 1.0, "step": 32000, "total_flos": 1e18, "train_loss": 2.0, "train_runtime": 9000.0}
    )
    document = {"best_metric": None, "epoch": 1.0, "global_step": 32000, "log_history": history}
    path.write_text(json.dumps(document, indent=2))
