"""`bayesscale harness init`, `plan` and `tokenize`: what they print, and what they answer to bad input."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bayesscale.cli.harness.main import COMMANDS
from bayesscale.cli.main import main
from bayesscale.harness.study.load import load_study
from bayesscale.harness.study.presets import PRESETS, preset

STUDY = """\
name = "small"
mixtures = ["50ka+50lo"]
[artificial]
stems = 60
train = 200
dev = 10
test = 20
[artificial.languages]
ka = {}
lo = { relatedness = 0.5 }
[tokenizer]
vocab_size = 90
[pretraining]
batch = 4
length = 32
checkpoints = ["1K", "2K"]
[[tasks]]
name = "ka-lo"
source = "ka"
target = "lo"
[finetuning]
sizes = ["1K"]
"""


def outcome(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of a run in this process."""
    with pytest.raises(SystemExit) as ended:
        main(["harness", *map(str, arguments)])
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Return a study file."""
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path / "study.toml"


def test_help_lists_the_commands_and_loads_nothing(root: Path) -> None:
    code = (
        "import sys\ntry:\n from bayesscale.cli.main import main; main(['harness', '--help'])\n"
        "finally: print(*({'torch', 'numpy', 'sentencepiece', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.endswith(".\n\n")
    assert all(f"{name} " in done.stdout for name in ("init", "plan", "tokenize"))


def test_every_command_on_disk_is_in_the_table(root: Path) -> None:
    shared = {"__init__", "main", "options"}
    names = {
        path.stem for path in (root / "cli" / "harness").glob("*.py") if not path.stem.endswith("_options")
    }
    assert names - shared <= set(COMMANDS)


def test_planning_needs_no_torch(root: Path) -> None:
    code = (
        "import sys\ntry:\n from bayesscale.cli.main import main; main(['harness', 'plan', '--preset', "
        "'isik'])\nfinally: print(*({'torch', 'sentencepiece', 'pymc', 'arviz'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "")


@pytest.mark.parametrize("name", PRESETS)
def test_init_writes_a_preset_that_is_a_study(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    file = tmp_path / "new" / "study.toml"
    code, out, err = outcome(capsys, "init", file, "--preset", name)
    assert (code, err) == (0, "")
    assert f"bayesscale harness plan {file}" in out
    assert load_study(file).model_dump() == preset(name).model_dump()


def test_init_replaces_only_by_force(capsys: pytest.CaptureFixture[str], study: Path) -> None:
    code, _, err = outcome(capsys, "init", study)
    assert (code, study.read_text()) == (2, STUDY)
    assert "--force" in err
    assert outcome(capsys, "init", study, "--force")[0] == 0
    assert study.read_text() != STUDY


def test_plan_prints_cells_tokens_time_and_disk(capsys: pytest.CaptureFixture[str], study: Path) -> None:
    code, out, err = outcome(capsys, "plan", study, "--cpu")
    assert (code, err) == (0, "")
    assert "small: 3 cells, 1 of them not pretrained" in out
    assert "2.048K pretraining tokens" in out
    assert "on disk" in out
    assert [line.split()[0] for line in out.splitlines()[2:]] == [
        "stage",
        "data",
        "pretraining",
        "finetuning",
        "decoding",
    ]


def test_plan_for_programs(capsys: pytest.CaptureFixture[str], study: Path) -> None:
    document = json.loads(outcome(capsys, "plan", study, "--json")[1])
    assert document["pretrain_tokens"] == 2048
    assert [cell["pretrain_tokens"] for cell in document["cells"]] == [0, 1024, 2048]
    stages = list(csv.DictReader(io.StringIO(outcome(capsys, "plan", study, "--csv")[1])))
    assert sum(float(stage["seconds"]) for stage in stages) == pytest.approx(document["seconds"], rel=0.5)
    cells = list(csv.DictReader(io.StringIO(outcome(capsys, "plan", study, "--cells", "--csv")[1])))
    assert [cell["size"] for cell in cells] == ["1000"] * 3


def test_tokenize_reports_and_the_plan_knows_the_data(
    capsys: pytest.CaptureFixture[str], study: Path, tmp_path: Path
) -> None:
    pytest.importorskip("sentencepiece", reason="sentencepiece is not installed (extra train)")
    data = tmp_path / "data"
    code, out, err = outcome(capsys, "tokenize", study, "-o", data)
    assert code == 0, err
    assert f"{data}: 190 ids, hash " in out
    assert "contaminated" in out
    assert "ka-lo: train 200, dev 10, test 20 pairs" in err
    code, out, err = outcome(capsys, "tokenize", study, "-o", data, "--json")
    document = json.loads(out)
    assert (code, err) == (0, f"{data} is prepared already\n")
    assert document["tasks"]["ka-lo"]["parts"]["test"]["pairs"] == 20
    assert "warning" not in outcome(capsys, "plan", study, "--data", data)[1]
    study.write_text(STUDY.replace('"2K"', '"2M"'))
    assert "warning: mixture 50ka+50lo: " in outcome(capsys, "plan", study, "--data", data)[1]


def test_tokenize_writes_and_then_says_that_there_is_too_little(
    capsys: pytest.CaptureFixture[str], study: Path, tmp_path: Path
) -> None:
    pytest.importorskip("sentencepiece", reason="sentencepiece is not installed (extra train)")
    study.write_text(STUDY.replace('["1K"]', '["1M"]'))
    code, out, err = outcome(capsys, "tokenize", study, "-o", tmp_path / "data")
    assert code == 3
    assert "190 ids" in out
    assert "error: the text does not suffice for the study, or the steps for the text:" in err
    assert "1000000 were asked for" in err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["plan"], 2, "received neither"),
        (["plan", "{study}", "--preset", "tiny"], 2, "received both"),
        (["plan", "--preset", "tinny"], 2, "did you mean 'tiny'"),
        (["plan", "{study}x"], 3, "cannot be read"),
        (["plan", "{study}", "--data", "{study}"], 3, "prepared.json"),
        (["tokenize", "{study}"], 2, "Missing option"),
        (["tokenize", "{study}", "-o", "{study}/x"], 2, "cannot be written"),
        (["init", "--preset", "x"], 2, "valid: isik, synthetic, tiny"),
        (["plna"], 2, "No such command"),
    ],
)
def test_bad_usage(
    capsys: pytest.CaptureFixture[str], study: Path, arguments: list[str], code: int, told: str
) -> None:
    if "tokenize" in arguments or "--data" in arguments:
        pytest.importorskip("sentencepiece", reason="sentencepiece is not installed (extra train)")
    ended, out, err = outcome(capsys, *(argument.format(study=study) for argument in arguments))
    assert (ended, out) == (code, "")
    assert told in err
    assert "Traceback" not in err


def test_a_study_with_two_faults_is_one_message(capsys: pytest.CaptureFixture[str], study: Path) -> None:
    study.write_text(STUDY.replace("50ka+50lo", "50ka+40lo").replace("batch = 4", "batch = -4"))
    code, out, err = outcome(capsys, "plan", study)
    assert (code, out) == (3, "")
    assert err.startswith(f"error: 2 rules are broken in {study}:\n  mixtures[0].shares: ")
    assert "\n  pretraining.batch: " in err
