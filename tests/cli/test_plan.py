from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bayesscale.cli.plan import plan as command
from bayesscale.errors import QuestionError, UsageError
from bayesscale.inference import load
from bayesscale.questions.plan.ask import plan
from bayesscale.questions.plan.quantities import Query
from bayesscale.questions.select import Selection
from tests.cli.fits import write_fit
from tests.questions.made_up import MadeUp

APP = typer.Typer()
APP.command()(command)
CURVE = ["--task", "en-fr", "--mixture", "en", "--finetune-tokens", "6M"]
ASKED = ["--question", "forecast", "--at", "1T", *CURVE, "--outcomes", "20"]


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_fit(tmp_path_factory.mktemp("fit"), MadeUp(draws=200, width=0.05, noise=0.3))


def ran(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(APP, arguments)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout


def test_json_is_one_document_with_the_plan(fit: str) -> None:
    code, out = ran(fit, *ASKED, "--json")
    wanted = Selection(tasks=["en-fr"], mixtures=["en"], other_sizes=[6e6])
    expected = plan(load(Path(fit)), Query("forecast", wanted, 1e12), outcomes=20)
    assert code == 0
    assert json.loads(out) == json.loads(json.dumps(expected.document()))


def test_csv_holds_every_candidate_unrounded(fit: str) -> None:
    code, out = ran(fit, *ASKED, "--csv", "--candidate-tokens", "1T,2T", "--candidate-mixture", "en,new")
    found = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert len(found) == 8
    assert {row["mixture"] for row in found} == {"en", "new"}
    assert {float(row["pretrain_tokens"]) for row in found} == {1e12, 2e12}


def test_the_table_says_what_it_is(fit: str) -> None:
    code, out = ran(fit, *ASKED)
    assert code == 0
    today, first, second, *_ = out.splitlines()
    assert today.startswith("Today bleu of en-fr | en | 6M at D_p 1T is ")
    assert first == (
        "2 measurements reduce it most, by as much within Monte Carlo error: "
        "en, D_f 6M, D_p 1T; en, D_f 6M, D_p 560B."
    )
    assert second.startswith("The cheapest of them is en, D_f 6M, D_p 560B (beyond the data, cost ")
    assert "nan" not in out.lower()
    (heading,) = [line for line in out.splitlines() if line.startswith("task")]
    assert heading.split()[:6] == ["task", "mixture", "D_f", "D_p", "place", "cost"]


def test_prices_and_new_runs(fit: str) -> None:
    chosen = [*ASKED, "--candidate-tokens", "1T", "--candidate-mixture", "en", "--json"]
    prices = ["--cost-pretrain", "2", "--cost-finetune", "3", "--from-scratch"]
    _, out = ran(fit, *chosen, "--candidate-finetune-tokens", "1B", *prices)
    (candidate,) = json.loads(out)["candidates"]
    assert candidate["cost"] == 2e12 + 3e9


def test_two_mixtures(fit: str) -> None:
    arguments = ["--question", "better", "--at", "1T", *CURVE, "--versus", "en+fr", "--metric", "bleu"]
    code, out = ran(fit, *arguments, "--outcomes", "20", "--candidate-tokens", "1T", "--json")
    assert code == 0
    assert json.loads(out)["question"]["measure"] == "entropy in bits"


def test_a_fit_that_did_not_converge_is_answered_with_exit_code_4(tmp_path: Path) -> None:
    made_up = MadeUp(draws=40, width=0.05, noise=0.3, problems=("R-hat 1.2",))
    code, out = ran(write_fit(tmp_path, made_up), *ASKED)
    assert code == 4
    assert out.startswith("DO NOT RELY ON THESE NUMBERS")


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        (["--question", "guess"], UsageError, "received 'guess'"),
        (["--question", "forecast"], UsageError, "received none"),
        (["--question", "forecast", "--at", "much"], UsageError, "received 'much'"),
        (["--question", "forecast", "--at", "1T", "--task", "en-rf"], QuestionError, "did you mean 'en-fr'"),
        ([*ASKED, "--cost-pretrain", "0"], UsageError, "finite number above 0"),
        ([*ASKED, "--pretrain-tokens", "1B"], UsageError, "are given by --tokens"),
    ],
)
def test_what_cannot_be_planned(fit: str, arguments: list[str], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        ran(fit, *arguments)
