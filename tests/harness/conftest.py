"""Fixtures of the harness: the real text beside the repository, and a study that is prepared in no time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bayesscale.harness.study.config import Study

# A second thread gains nothing for models of this size, and waits where the machine is busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")

SMALL = """\
name = "small"
mixtures = ["50ka+50lo", "ka"]

[artificial]
stems = 60
topics = 3
train = 300
dev = 20
test = 40

[artificial.languages]
ka = {}
lo = { relatedness = 0.5, order = "sov" }

[tokenizer]
vocab_size = 100
megabytes = 0.05

[model]
layers = 1
d_model = 16
d_ff = 32
heads = 2
d_kv = 8

[pretraining]
batch = 4
length = 32
checkpoints = ["1K", "4K"]
precision = "fp32"

[[tasks]]
name = "ka-lo"
source = "ka"
target = "lo"

[finetuning]
sizes = ["1K", "full"]
batch = 100
steps = 12
epochs = 0.1
length = 32
precision = "fp32"
"""


@pytest.fixture(scope="session")
def shared_corpora(root: Path) -> Path:
    """Return the folder of real text that lies beside the repository, or skip."""
    folder = root.parent / "shared" / "corpora"
    if not folder.is_dir():
        pytest.skip("the real text is not here: no folder shared/corpora beside the repository")
    return folder


@pytest.fixture(scope="session")
def small_text() -> str:
    """Return a study of two artificial languages as TOML."""
    return SMALL


@pytest.fixture(scope="session")
def small_study() -> Study:
    """Return a study of two artificial languages."""
    pytest.importorskip("pydantic")
    from bayesscale.harness.study.load import parse_study

    return parse_study(SMALL)
