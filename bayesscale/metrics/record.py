"""Write a metrics table row by row, from any training script."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from bayesscale.errors import UsageError
from bayesscale.metrics.names.scores import labelled_score, score_name

try:
    import fcntl
except ImportError:  # Windows, where a whole line is appended by one call all the same
    fcntl = None  # type: ignore[assignment]

Number = float | int
_NO_LABELS: Mapping[str, str | Number] = MappingProxyType({})
_RESERVED = {"metric", "value", "pretrain_tokens", "finetune_tokens"}


def record(
    path: str | os.PathLike[str],
    scores: Mapping[str, Number],
    *,
    pretrain_tokens: Number | None = None,
    finetune_tokens: Number | None = None,
    labels: Mapping[str, str | Number] = _NO_LABELS,
) -> None:
    """Append the scores of one checkpoint to a metrics table, a JSONL file that every command reads.

    Several processes may write to one file: a row is appended as a whole, under a lock. A row that a killed
    process has left unfinished is ended first, so that it spoils no other.

    Parameters
    ----------
    path : path
        A file that ends in .jsonl; it and its folder are made where they are missing.
    scores : mapping
        Score by name of its metric: {'bleu': 27.3, 'bleu_se': 0.4, 'eval_loss': 2.1}. Names that are of no
        known metric are written as well, and left unread unless they are declared when the table is read. A
        score that is not finite is written as missing.
    pretrain_tokens, finetune_tokens : number, optional
        The sizes, 0 for pretrain_tokens of a model that was not pretrained; at least one of them.
    labels : mapping, optional
        What else tells the row apart: task, mixture, seed, run, model_params, share_<language>, or any other.

    Raises
    ------
    UsageError
        There is no size, no score that a table could have, or the file cannot be written.
    """
    target = Path(path)
    sizes = {"pretrain_tokens": pretrain_tokens, "finetune_tokens": finetune_tokens}
    row: dict[str, str | Number | None] = {}
    row |= {name: _size(name, size) for name, size in sizes.items() if size is not None}
    if target.suffix not in (".jsonl", ".ndjson"):
        raise UsageError(f"a table is recorded in a file that ends in .jsonl; received {target}")
    if not row:
        raise UsageError(
            "a row has at least one size: give pretrain_tokens or finetune_tokens; received none"
        )
    if not any(map(_holds_score, scores)):
        raise UsageError(
            "a row has at least one score by the name of its metric; received "
            f"{', '.join(scores) or 'none'}; "
            f"write for instance record(path, {{'bleu': 27.3}}, pretrain_tokens=1e9)"
        )
    if taken := _RESERVED & {*scores, *labels}:
        raise UsageError(
            f"scores and labels have other names than sizes; received {', '.join(sorted(taken))}"
        )
    if twice := sorted(labels.keys() & scores.keys()):
        raise UsageError(f"a label has another name than a score; received both for {', '.join(twice)}")
    row |= dict(labels)
    row |= {name: _score(name, score) for name, score in scores.items()}
    try:
        line = json.dumps(row, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError:
        raise UsageError(f"a label is text or a finite number; received {dict(labels)}") from None
    _append(target, line + "\n")


def _holds_score(name: str) -> bool:
    """Return whether a name is of a score, or of one with a label, such as `eval_wiki_loss`."""
    found = score_name(name)
    return found.beside is None if found else labelled_score(name) is not None


def _size(name: str, size: Number) -> Number:
    """Return a size as it is written."""
    try:
        number = float(size)
    except (TypeError, ValueError):
        raise UsageError(f"{name} is a number, such as 4e9; received {size!r}") from None
    if not math.isfinite(number) or number < 0 or (name == "finetune_tokens" and number == 0):
        raise UsageError(
            f"{name} is a finite number of tokens, at least 0 (above 0 for D_f); received {size!r}"
        )
    return int(number) if number.is_integer() else number


def _score(name: str, score: object) -> Number | None:
    """Return a score as a number, None where it is not finite; tensors of one element are numbers."""
    try:
        number = float(score)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise UsageError(f"a score is a number; received {name}={score!r}") from None
    return number if math.isfinite(number) else None


def _plain(value: object) -> object:
    """Return a NumPy or torch number in a label as one of Python."""
    if hasattr(value, "item"):
        return value.item()
    raise UsageError(f"a label is text or a number; received {value!r}")


def _append(target: Path, line: str) -> None:
    """Append a line by one write, under a lock where the system has one."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target) as file:
            unfinished = os.fstat(file).st_size > 0 and _last_byte(file) != b"\n"
            content = (("\n" if unfinished else "") + line).encode()
            written = os.write(file, content)
            while written < len(content):
                written += os.write(file, content[written:])
            os.fsync(file)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}; choose another place") from error


def _last_byte(file: int) -> bytes:
    """Return the last byte of an open file."""
    os.lseek(file, -1, os.SEEK_END)
    return os.read(file, 1)


@contextmanager
def _locked(target: Path) -> Iterator[int]:
    """Open a file for appending, and let no other process write until it is closed."""
    file = os.open(target, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)
