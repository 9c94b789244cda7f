"""COMET, where the user has `unbabel-comet` and its weights; nothing is downloaded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from bayesscale.errors import StudyError
from bayesscale.harness.scoring.text import TextScore

_BATCH = 64


def comet(
    sources: Sequence[str],
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    model: str,
    device: str = "cpu",
) -> TextScore:
    """Return the COMET score of hypotheses; its standard error is that of a mean over sentences.

    Parameters
    ----------
    sources, hypotheses, references : sequence of str
        Sentences, in the same order.
    model : str
        A checkpoint on this machine: the file, or a folder that holds one `checkpoints/model.ckpt`.
    device : str
        Where it is computed.

    Raises
    ------
    StudyError
        The package or the weights are not here.

    Notes
    -----
    The checkpoint is read by unbabel-comet, which unpickles it: use only weights that you trust.
    """
    scorer = _load(model)
    data = [
        {"src": source, "mt": hypothesis, "ref": reference}
        for source, hypothesis, reference in zip(sources, hypotheses, references, strict=True)
    ]
    found = scorer.predict(
        data, batch_size=_BATCH, gpus=int(device.startswith("cuda")), progress_bar=False, num_workers=1
    )
    scores = np.asarray(found.scores, dtype=np.float64)
    se = float(scores.std(ddof=1)) / math.sqrt(len(scores)) if len(scores) > 1 else None
    return TextScore("comet", float(scores.mean()), se or None, _signature(model))


@lru_cache(maxsize=1)
def _load(model: str) -> Any:
    """Return the model in a file."""
    try:
        package = import_module("comet")
    except ImportError as error:
        raise StudyError(
            f"scoring.comet = {model!r} needs the package unbabel-comet, which is not installed; "
            "pip install unbabel-comet, or remove scoring.comet"
        ) from error
    path = Path(model)
    file = path / "checkpoints" / "model.ckpt" if path.is_dir() else path
    if not file.is_file():
        raise StudyError(
            f"scoring.comet names weights on this machine; received {model!r}, and there is no file {file}; "
            "fetch them first (comet.download_model), or remove scoring.comet"
        )
    return package.load_from_checkpoint(str(file))


def _signature(model: str) -> str:
    """Return what the score depends on."""
    try:
        release = version("unbabel-comet")
    except PackageNotFoundError:
        release = "unknown"
    return f"model:{Path(model).name}|version:{release}"
