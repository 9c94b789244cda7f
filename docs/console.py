"""Run the commands that a page shows, and write what they print in its place.

    python docs/console.py docs/tables.md docs/decision.md README.md

Commands of a page run in a new folder, in their order, with the files of the walks of docs/tables.md beside
them. Of a fit, lines that begin as those shown are kept; of a long table its first rows, where the page has
left out rows. Where a page shows nothing of a command, it stays so. Read the prose afterwards: it is not
changed.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

_BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
_PROMPT, _LEFT_OUT = "$ bayesscale ", "..."
_ROWS, _BEGIN = 5, 10


def main(pages: list[str]) -> None:
    """Rewrite the pages."""
    from tests.metrics.walks import write_walks

    for page in pages:
        path = ROOT / page
        with tempfile.TemporaryDirectory() as folder:
            write_walks(Path(folder))
            text = path.read_text(encoding="utf-8")
            path.write_text(_BLOCK.sub(lambda found: _again(found[0], folder), text), encoding="utf-8")


def _again(block: str, folder: str) -> str:
    """Return a block with what its commands print now."""
    parts = [part.splitlines() for part in block.split(_PROMPT)[1:]]
    lines = []
    for command, *shown in parts:
        sys.stderr.write(f"{_PROMPT}{command}\n")
        lines += [f"{_PROMPT}{command}", *_chosen(_printed(command, folder), shown)]
    return "\n".join(lines) + "\n"


def _printed(command: str, folder: str) -> list[str]:
    """Return the lines that a command prints; progress goes elsewhere, errors and notes do not."""
    words = [str(Path(sys.executable).with_name("bayesscale")), *shlex.split(command)]
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    told = [line for line in done.stderr.splitlines() if not re.match(r"\[.*?\] ", line)]
    return [line.rstrip() for line in [*done.stdout.splitlines(), *told]]


def _chosen(printed: list[str], shown: list[str]) -> list[str]:
    """Return those of the printed lines that a page shows, by what it has shown so far."""
    if not shown:
        return []
    if _LEFT_OUT in shown:
        head = printed.index("") + 2 + _ROWS
        tail = len(printed) - printed[::-1].index("") - 1
        return [*printed[:head], _LEFT_OUT, *printed[tail:]] if head < tail else printed
    if any(line.startswith("written to ") for line in printed):
        return [line for line in printed if any(line[:_BEGIN] == old[:_BEGIN] for old in shown)]
    return printed


if __name__ == "__main__":
    main(sys.argv[1:])
