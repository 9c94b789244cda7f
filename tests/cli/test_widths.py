"""Every command's table of curves fits a terminal: one curve, one line, whatever things are called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesscale.cli.main import main
from bayesscale.inference import save
from bayesscale.tables import WIDTH
from tests.evaluation.several_laws import several_laws
from tests.questions.breaking import breaking
from tests.questions.made_up import SHARES, MadeUp, rows

LAWS = ("log-law", "saturating-law", "rising-power-law")
SIZES = (1e9, 3e9, 1e10, 3e10, 1e11)
LONG = "a mixture of rather many languages, in which nothing occurs twice, version "
TABLES = {
    "several tasks and metrics": rows(sizes=SIZES),
    "long names": rows(
        tasks=("news from English to French", "news from English to German"),
        mixtures={f"{LONG}{number}": shares for number, shares in enumerate(SHARES.values())},
        metrics=("bleu", "comet", "cross_entropy"),
        sizes=SIZES,
    ),
    "further columns": rows(sizes=SIZES).assign(
        vocabulary=lambda table: np.where(table["task"] == "en-fr", "thirty-two thousand", "sixty-four"),
        temperature=lambda table: np.where(
            table["finetune_tokens"] > 1e7, "flat as it is", "as in the paper"
        ),
        model_params=1.3e9,
    ),
}
CURVE = ("task", "mixture", "finetune_tokens", "vocabulary", "temperature", "model_params")
QUESTIONS = {
    "show": [],
    "predict": ["--tokens", "1T,2T"],
    "breaks": [],
    "rank": ["--tokens", "1T"],
    "conflict": [],
    "value": [],
    "advise": ["--target", "24", "--budget", "1T"],
    "plan": ["--question", "forecast", "--at", "1T", "--outcomes", "20"],
}
OF_TABLES = {
    "check": [],
    "fit": ["--method", "huber", "--first", "0"],
    "evaluate": ["--model", "last-value", "--model", "conformal-last", "--first", "3", "--per-curve"],
}


@pytest.fixture(scope="module", params=TABLES)
def table(request: pytest.FixtureRequest) -> pd.DataFrame:
    return TABLES[request.param]


@pytest.fixture(scope="module")
def fit(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> str:
    curve = CURVE if "vocabulary" in table else None
    made_up = MadeUp(table=table, draws=30, width=0.05, noise=0.3, laws=LAWS, curve=curve)
    target = tmp_path_factory.mktemp("fit") / "fit.nc"
    return str(save(breaking(made_up.fit(), at=2e10), target))


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return what a command prints."""
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    assert not ended.value.code
    return capsys.readouterr().out


@pytest.mark.parametrize("command", QUESTIONS)
def test_answers_of_fits(
    command: str, fit: str, table: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    block = printed(capsys, command, fit, *QUESTIONS[command]).split("\n\n")[1].splitlines()
    assert max(map(len, block)) <= WIDTH
    curves = table.query("pretrain_tokens > 0").groupby(["task", "mixture", "finetune_tokens"]).ngroups
    assert len(block) > curves


@pytest.mark.parametrize("command", OF_TABLES)
def test_answers_of_tables(
    command: str, table: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "table.csv"
    noise = 1 + 0.01 * np.random.default_rng(0).standard_normal(len(table))
    table.assign(value=table["value"] * noise).to_csv(path, index=False)
    options = ["--curve", ",".join(CURVE)] if "vocabulary" in table else []
    text = printed(capsys, command, str(path), *OF_TABLES[command], *options)
    lines = text.split("\n\nnote: ")[0].splitlines()
    rows_of_table = table.query("pretrain_tokens > 0")["pretrain_tokens"].eq(SIZES[0]).sum()
    assert max(map(len, lines[-rows_of_table - 1 :])) <= WIDTH


def test_comparisons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "compare", str(save(several_laws(), tmp_path / "fit.nc"))).splitlines()
    (heading,) = [place for place, line in enumerate(lines) if line.startswith("metric ")]
    assert max(map(len, lines[heading : heading + 3])) <= WIDTH
    assert lines[heading + 3] == ""
