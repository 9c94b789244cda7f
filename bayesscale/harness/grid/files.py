"""Files of a grid: JSON documents, and a metrics table that is only ever appended to."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from bayesscale.errors import DataError, TrainingError
from bayesscale.files import write_files

Row = Mapping[str, Any]
# Columns that tell which rows belong together, and how many of them there are.
_CELL, _ROWS = "cell", "rows"


def read_json(path: Path) -> Any:
    """Return what a JSON file of a grid holds.

    Raises
    ------
    DataError
        It cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not JSON"
        raise DataError(
            f"{path} must be a file of a grid; it cannot be read ({reason}); "
            "delete it if it is damaged: what it held is computed again"
        ) from error


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_files({path: text}, force=True)


def cannot_write(path: Path, error: OSError) -> TrainingError:
    """Return what to say where a file of the grid cannot be written."""
    return TrainingError(
        f"{path} cannot be written: {(error.strerror or str(error)).lower()}; what is finished is kept: "
        "make room (or choose another folder) and run the same command again"
    )


class MetricsFile:
    """A metrics table in JSON lines that several processes may append to, a cell's rows all together.

    A process that is killed while it writes leaves part of a cell at the end, and only there, since writers
    take turns. Whoever writes next cuts it off; the cell is on record elsewhere and is appended again.

    Parameters
    ----------
    path : Path
        The file.
    locked : callable
        Returns the lock of a name, which whoever writes holds.
    """

    def __init__(self, path: Path, locked: Callable[[str], AbstractContextManager[None]]) -> None:
        self._path, self._locked = path, locked

    def add_missing(self, cells: Mapping[str, Sequence[Row]]) -> int:
        """Append the rows of all cells that are not there yet, in the order given; return how many cells.

        Parameters
        ----------
        cells : mapping of str to sequence of rows
            Rows by the key of their cell.

        Raises
        ------
        DataError
            A line before the end is damaged.
        TrainingError
            The file cannot be written; it is as it was before.
        """
        with self._locked(f"{self._path.name}.lock"):
            end, known = self._whole_cells()
            new = {key: rows for key, rows in cells.items() if rows and key not in known}
            text = "".join(_line(key, row, len(rows)) for key, rows in new.items() for row in rows)
            self._write(end, text.encode())
        return len(new)

    def keys(self) -> set[str]:
        """Return the keys of the cells whose rows are all there."""
        return self._whole_cells()[1]

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of all whole cells."""
        return [json.loads(line) for line in self._read()[: self._whole_cells()[0]].splitlines()]

    def _read(self) -> bytes:
        """Return the bytes of the file, none if there is no file."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise DataError(f"{self._path} cannot be read: {(error.strerror or '').lower()}") from error

    def _whole_cells(self) -> tuple[int, set[str]]:
        """Return the length of the file up to the end of its last whole cell, and the keys up to there."""
        content = self._read()
        position, end, seen = 0, 0, 0
        keys: set[str] = set()
        for number, line in enumerate(content.splitlines(keepends=True), start=1):
            position += len(line)
            try:
                if not line.endswith(b"\n"):
                    raise ValueError("no end of line")
                row = json.loads(line)
                key, rows = str(row[_CELL]), int(row[_ROWS])
            except (ValueError, KeyError, TypeError) as error:
                if position == len(content):
                    break
                raise DataError(
                    f"{self._path}, line {number}, is not a row of a grid; restore the file, or delete it: "
                    "it is written again from the cells"
                ) from error
            seen += 1
            if seen == rows:
                end, seen = position, 0
                keys.add(key)
        return end, keys

    def _write(self, length: int, new: bytes) -> None:
        """Cut the file to a length and append; on failure leave nothing of what is new."""
        if not new and len(self._read()) == length:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o666)
        except OSError as error:
            raise cannot_write(self._path, error) from error
        try:
            os.ftruncate(descriptor, length)
            os.lseek(descriptor, length, os.SEEK_SET)
            while new:  # one call may write less than everything
                new = new[os.write(descriptor, new) :]
            os.fsync(descriptor)
        except OSError as error:
            os.ftruncate(descriptor, length)
            raise cannot_write(self._path, error) from error
        finally:
            os.close(descriptor)


def _line(key: str, row: Row, rows: int) -> str:
    """Return a row as a line."""
    return json.dumps({**row, _CELL: key, _ROWS: rows}, ensure_ascii=False, allow_nan=False) + "\n"
