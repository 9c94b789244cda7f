"""A headless browser: what a page shows, whether it complains, and how it looks."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def browse(page: Path, folder: Path, *options: str) -> tuple[str, list[str]]:
    """Open a page in a real browser; return its document and what the console says.

    Parameters
    ----------
    page : Path
        The page.
    folder : Path
        For the browser's own files.
    options : str
        Of the browser, such as the size of the window.
    """
    program = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"no browser is installed: one of {', '.join(BROWSERS)}")
    command = [
        program,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={folder / 'profile'}",
    ]
    command += ["--enable-logging=stderr", "--virtual-time-budget=2000", "--hide-scrollbars", *options]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, re.findall(r".*CONSOLE.*", done.stderr)
