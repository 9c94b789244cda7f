"""The files of a prepared folder: ids of languages, pairs of tasks, and the manifest that makes it valid."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.errors import CorpusError
from bayesscale.harness.corpora.pairs import Pair
from bayesscale.harness.tokens.parallel import Parallel
from bayesscale.harness.tokens.writing import writing

FORMAT = 1
MANIFEST = "prepared.json"
TOKENIZER = "tokenizer.model"


def token_type(vocab_size: int) -> str:
    """Return the smallest type that holds every id, as NumPy spells it; little-endian on every machine."""
    return "<u2" if vocab_size <= 1 << 16 else "<u4"


def write_ids(path: Path, groups: Iterable[NDArray[Any]], dtype: str) -> dict[str, Any]:
    """Write token ids one after the other, and return what the manifest says of the file.

    Parameters
    ----------
    path : Path
        The file.
    groups : iterable of array
        Ids.
    dtype : str
        As `token_type`.
    """
    with writing(path) as sink:
        for ids in groups:
            sink.write(ids.astype(dtype).tobytes())
        return {"tokens": sink.bytes // np.dtype(dtype).itemsize, "sha256": sink.sha256}


def read_ids(path: Path, tokens: int, dtype: str) -> NDArray[Any]:
    """Return the ids in a file, mapped into memory.

    Raises
    ------
    CorpusError
        The file is missing or does not have as many ids as it should.
    """
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
    path: Path,
    pairs: Sequence[Pair],
    source: Sequence[NDArray[Any]],
    target: Sequence[NDArray[Any]],
    dtype: str,
) -> dict[str, Any]:
    """Write pairs as text (JSON lines) and as ids (.npz), and return what the manifest says of them.

    Parameters
    ----------
    path : Path
        The two files without their suffixes.
    pairs : sequence of Pair
        The text.
    source, target : sequence of array
        The ids, each ending with EOS.
    dtype : str
        As `token_type`.
    """
    arrays: dict[str, Any] = {}
    for name, side in (("source", source), ("target", target)):
        arrays[name] = np.concatenate(side).astype(dtype)
        arrays[f"{name}_ends"] = np.cumsum([len(ids) for ids in side]).astype("<i8")
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    with writing(Path(f"{path}.npz")) as sink:
        sink.write(buffer.getvalue())
        size = sink.bytes
    with writing(Path(f"{path}.jsonl")) as sink:
        for pair in pairs:
            row = json.dumps([pair.source, pair.target, pair.domain], ensure_ascii=False)
            sink.write(f"{row}\n".encode())
        return {
            "pairs": len(pairs),
            "source_tokens": int(arrays["source_ends"][-1]),
            "target_tokens": int(arrays["target_ends"][-1]),
            "sha256": sink.sha256,
            "bytes": {"npz": size, "jsonl": sink.bytes},
        }


def read_pairs(path: Path, entry: dict[str, Any]) -> Parallel:
    """Return pairs.

    Parameters
    ----------
    path : Path
        The two files without their suffixes.
    entry : dict
        What the manifest says of them.

    Raises
    ------
    CorpusError
        A file is missing or damaged.
    """
    for suffix, size in entry["bytes"].items():
        check_size(Path(f"{path}.{suffix}"), size)
    try:
        with np.load(f"{path}.npz", allow_pickle=False) as arrays:
            sides = [np.split(arrays[name], arrays[f"{name}_ends"][:-1]) for name in ("source", "target")]
        with Path(f"{path}.jsonl").open(encoding="utf-8", newline="\n") as stream:
            source_text, target_text, domain = map(list, zip(*map(json.loads, stream), strict=True))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise CorpusError(
            f"the pairs {path} are damaged: {error}; remove the folder and prepare it again"
        ) from error
    if not len(sides[0]) == len(sides[1]) == len(source_text) == entry["pairs"]:
        raise CorpusError(
            f"the pairs {path} are damaged: their parts differ in length; prepare the folder again"
        )
    return Parallel(sides[0], sides[1], source_text, target_text, domain)


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest, which makes the folder valid."""
    with writing(folder / MANIFEST) as sink:
        sink.write(json.dumps(manifest, indent=2, ensure_ascii=False).encode())


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a prepared folder.

    Raises
    ------
    CorpusError
        There is none, it is damaged, or another version of this program wrote it.
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
