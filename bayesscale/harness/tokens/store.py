"""The files of a prepared folder: ids of languages, pairs of tasks, and the manifest that makes it valid."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.errors import CorpusError
from bayesscale.harness.corpora.pairs import Pair
from bayesscale.harness.model.config import UNK
from bayesscale.harness.tokens.parallel import Parallel
from bayesscale.harness.tokens.writing import writing

FORMAT = 2
MANIFEST = "prepared.json"
TOKENIZER = "tokenizer.model"


def token_type(vocab_size: int) -> str:
    """Return the smallest type that holds every id, as NumPy spells it; little-endian on every machine."""
    return "<u2" if vocab_size <= 1 << 16 else "<u4"


def write_ids(path: Path, groups: Iterable[NDArray[Any]], dtype: str) -> dict[str, Any]:
    """Write token ids one after the other, and return what the manifest says of the file."""
    unknown = 0
    with writing(path) as sink:
        for ids in groups:
            unknown += int((ids == UNK).sum())
            sink.write(ids.astype(dtype).tobytes())
        tokens = sink.bytes // np.dtype(dtype).itemsize
        return {"tokens": tokens, "sha256": sink.sha256, "unknown": unknown}


def read_ids(path: Path, tokens: int, dtype: str) -> NDArray[Any]:
    """Return the ids in a file, mapped into memory."""
    check_size(path, tokens * np.dtype(dtype).itemsize)
    return np.memmap(path, dtype=dtype, mode="r", shape=(tokens,)) if tokens else np.empty(0, dtype=dtype)


def check_size(path: Path, expected: int) -> None:
    """Refuse a file that is missing or has another size than the manifest says."""
    size = path.stat().st_size if path.is_file() else None
    if size != expected:
        found = "is missing" if size is None else f"has {size:,} bytes instead of {expected:,}"
        raise CorpusError(
            f"a prepared folder is complete; {path} {found}; remove the folder and run 'bayesscale harness "
            "tokenize'"
        )


def write_pairs(
    path: Path, pairs: Sequence[Pair], source: Sequence[NDArray[Any]], target: Sequence[NDArray[Any]]
) -> dict[str, Any]:
    """Write pairs as JSON lines, text and ids, and return what the manifest says of them."""
    with writing(path) as sink:
        for pair, *ids in zip(pairs, source, target, strict=True):
            row = [pair.source, pair.target, pair.domain, *(side.tolist() for side in ids)]
            sink.write(f"{json.dumps(row, ensure_ascii=False)}\n".encode())
        counts = {
            f"{name}_tokens": sum(map(len, side)) for name, side in (("source", source), ("target", target))
        }
        return {"pairs": len(pairs), **counts, "bytes": sink.bytes, "sha256": sink.sha256}


def read_pairs(path: Path, entry: dict[str, Any], dtype: str) -> Parallel:
    """Return the pairs in a file of which the manifest has an entry; a damaged one is a CorpusError."""
    check_size(path, entry["bytes"])
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise CorpusError(f"the pairs {path} are damaged; remove the folder and prepare it again")
    rows = [json.loads(line) for line in content.decode().split("\n")[:-1]]
    source_text, target_text, domain, *ids = map(list, zip(*rows, strict=True))
    source, target = ([np.array(each, dtype) for each in side] for side in ids)
    return Parallel(source, target, source_text, target_text, domain)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a prepared folder.

    A CorpusError says that there is none, that it is damaged, or that another version of this program wrote
    it.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise CorpusError(
            f"a prepared folder has a file {MANIFEST}; {folder} has none; run 'bayesscale harness tokenize'"
        ) from error
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path} is damaged: {error}; remove the folder and prepare it again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else None
        raise CorpusError(
            f"this version reads prepared folders of format {FORMAT}; {path} has {found!r}; prepare it again"
        )
    return manifest
