"""The guide of docs/decision.md: its commands and its Python run, and what it says in words is so."""

from __future__ import annotations

import io
import json
import re
import shlex
import warnings
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient

import bayesscale
from bayesscale.cli.main import main
from bayesscale.laws import LAWS
from bayesscale.models.model import SCORE_LAWS
from bayesscale.posterior.predictive import Predictive
from bayesscale.questions.select import drawn_curves
from bayesscale.simulate import Truth

pytestmark = pytest.mark.slow

BLOCK = re.compile(r"^```(?P<kind>console|python)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
MIXED = ("en30-fr70", "en50-fr50", "en70-fr30")
SMALL, MIDDLE, LARGE = 42e6, 210e6, 21e9


def blocks(root: Path, kind: str) -> list[str]:
    """Return the blocks of one kind in the guide."""
    text = (root / "docs" / "decision.md").read_text(encoding="utf-8")
    return [block["text"] for block in BLOCK.finditer(text) if block["kind"] == kind]


def commands(root: Path) -> dict[str, list[str]]:
    """Return the commands of the guide in their order, and the lines of output that it shows of each."""
    parts = [part for block in blocks(root, "console") for part in block.split("$ bayesscale ")[1:]]
    found = [part.splitlines() for part in parts]
    return {command: shown for command, *shown in found}


def run(folder: Path, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
    """Run the command line in a folder; return stdout. As processes most of the time would go to imports."""
    out, err = io.StringIO(), io.StringIO()
    with chdir(folder), redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert int(ended.value.code or 0) in codes, err.getvalue()
    return out.getvalue()


@pytest.fixture(scope="module")
def guide(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Run all commands of the guide in one folder; return it, and what each printed."""
    folder = tmp_path_factory.mktemp("guide")
    return folder, {command: run(folder, *shlex.split(command)) for command in commands(root)}


@pytest.fixture(scope="module")
def ask(guide: tuple[Path, dict[str, str]]) -> Callable[[str], dict[str, Any]]:
    """Return a function that gives the JSON document of the guide's only command that starts so."""

    def document(start: str) -> dict[str, Any]:
        (command,) = (command for command in guide[1] if command.startswith(start))
        found = json.loads(run(guide[0], *shlex.split(command), "--json"))
        assert (found["status"], found["simulated"]) == ("converged", True)
        return dict(found)

    return document


Ask = Callable[[str], dict[str, Any]]


def rows(document: dict[str, Any], name: str) -> pd.DataFrame:
    """Return a table of a document by mixture and D_f."""
    return pd.DataFrame(document[name]).set_index(["mixture", "finetune_tokens"])


def test_the_guide_says_first_that_its_numbers_are_simulated(root: Path) -> None:
    head = (root / "docs" / "decision.md").read_text(encoding="utf-8").split("## 1.")[0]
    assert "SIMULATED" in head
    fitted, *asked = commands(root)
    assert "--example isik-simulated" in fitted
    expected = "show, predict, breaks, rank, conflict, value, advise, plan, plan, simulate"
    assert ", ".join(command.split()[0] for command in asked) == expected


def test_the_commands_print_what_the_guide_shows(root: Path, guide: tuple[Path, dict[str, str]]) -> None:
    # Digits depend on the releases; sentences and headings without any do not. `...` stands for what is cut.
    for command, shown in commands(root).items():
        printed = [" ".join(line.split()) for line in guide[1][command].splitlines()]
        for line in shown:
            expected = " ".join(line.removesuffix("...").split())
            if not re.search(r"\d", expected):
                assert any(found.startswith(expected) for found in printed), f"{command}: {line}"


def test_the_python_of_the_guide_runs(
    root: Path,
    guide: tuple[Path, dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(guide[0])
    names: dict[str, Any] = {}
    for number, block in enumerate(blocks(root, "python")):
        exec(compile(block, f"docs/decision.md, block {number}", "exec"), names)
    assert set(names["broken"]["mixture"]) == {"en100"}
    assert (names["misled"]["mixture_a"] == "en100").any()
    assert 0.7 < names["both"] < 0.95
    assert 12 <= names["held"].sum() <= 15
    assert "the law broke on 2" in capsys.readouterr().out


def test_the_page_on_arviz_runs(
    root: Path, guide: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(guide[0])
    monkeypatch.setenv("MPLBACKEND", "agg")
    names: dict[str, Any] = {}
    text = (root / "docs" / "arviz.md").read_text(encoding="utf-8")
    found = [block["text"] for block in BLOCK.finditer(text) if block["kind"] == "python"]
    assert len(found) == 4
    with warnings.catch_warnings():
        # ArviZ warns of Pareto k, of which the page speaks, and of releases to come.
        warnings.simplefilter("ignore")
        for number, block in enumerate(found):
            exec(compile(block, f"docs/arviz.md, block {number}", "exec"), names)
    assert {"summary", "loo", "plot_trace", "plot_forest"} <= set(re.findall(r"az\.(\w+)\(", text))


def test_the_commands_of_the_readme_run(root: Path, tmp_path: Path) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    (block,) = [block["text"] for block in BLOCK.finditer(text) if block["kind"] == "console"]
    first, *rest = re.findall(r"^\$ bayesscale (.*)$", block, re.MULTILINE)
    assert first == "fit --example synthetic-languages -o fit.nc"
    quick = "--draws", "100", "--longest", "1", "--no-backtest"
    printed = [
        run(tmp_path, *shlex.split(command), *more, codes=(0, 4))  # short chains need not converge
        for command, more in ((first, quick), *((each, ()) for each in rest))
    ]
    assert (tmp_path / "report.html").stat().st_size > 100_000
    heads = [line for line in block.splitlines() if line.startswith("task ")]
    assert [line.split() for line in printed[-1].splitlines() if line.startswith("task ")] == [
        line.split() for line in heads
    ]


def test_the_tour_runs(root: Path, tmp_path: Path) -> None:
    book = nbformat.read(  # type: ignore[no-untyped-call]
        root / "docs" / "tour.ipynb", as_version=4
    )
    NotebookClient(book, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / "tour.html").stat().st_size > 100_000
    printed = "".join(output.get("text", "") for cell in book.cells for output in cell.get("outputs", ()))
    assert "converged" in printed


def test_levels_and_gains_are_as_told(ask: Ask) -> None:
    table = pd.DataFrame(ask("show")["curves"]).query("metric == 'bleu'")
    expected = ["level", "gain"]
    for law in map(LAWS.__getitem__, SCORE_LAWS):
        expected += [f"P({law.name})", *(f"{name} ({law.name})" for name in law.coefficient_names)]
    assert list(table["quantity"].unique()) == expected
    gains = table.query("quantity == 'gain'")
    assert gains.query("finetune_tokens == 42e6")["median"].min() > 0.25
    assert gains.query("finetune_tokens == 21e9")["median"].max() < 0.05
    alpha = table.query("quantity == 'alpha (log-law)' and finetune_tokens == 42e6")
    assert (alpha["upper"] > 5 * alpha["lower"]).all()


def test_the_laws_agree_inside_the_data_and_differ_beyond(guide: tuple[Path, dict[str, str]]) -> None:
    fit = bayesscale.load(guide[0] / "fit.nc")
    drawn, _ = drawn_curves(fit, bayesscale.Selection(mixtures=["fr100", *MIXED], other_sizes=[SMALL]), 0)
    sizes = np.tile([131.1e9, 1e12], (len(drawn.targets), 1))
    bleu = fit.curves.names.index("bleu")
    values, law = Predictive(drawn, prob=0.9).law(sizes, bleu), drawn.local(slice(None), bleu).law
    medians = {
        name: np.array(
            [
                np.median(own[:, of == fit.laws.index(name)], axis=-1)
                for own, of in zip(values, law, strict=True)
            ]
        )
        for name in fit.allowed("bleu")
    }
    rising = medians.pop("log-law")
    for capped in medians.values():
        inside, beyond = (rising - capped).T
        assert np.abs(inside).max() < 0.2
        assert beyond.min() > 0.2


def test_forecasts_carry_the_risk_of_a_break(ask: Ask) -> None:
    table = rows(ask("predict"), "forecasts")
    unbroken = table.drop([("en100", SMALL), ("en100", MIDDLE)])
    assert unbroken["p_break"].between(0.03, 0.2).all()
    reach = (unbroken["median"] - unbroken["lower"]) > (unbroken["upper"] - unbroken["median"])
    assert reach.all()


def test_the_two_broken_curves_are_found_and_no_other(ask: Ask, guide: tuple[Path, dict[str, str]]) -> None:
    table = rows(ask("breaks"), "breaks")
    broken = table[table["p_broken"] > 0.9]
    truth = Truth.from_json((guide[0] / "again.truth.json").read_text(encoding="utf-8"))
    true = truth.frame().query("break_tokens > 0")
    assert set(broken.index) == {("en100", SMALL), ("en100", MIDDLE)}
    assert set(zip(true["mixture"], true["finetune_tokens"], strict=True)) == set(broken.index)
    assert (broken["p_fall"] > 0.9).all()
    assert broken["lost_median"].between(5, 9).all()
    assert table.drop(broken.index)["p_broken"].max() < 0.1


def test_the_mixed_mixtures_are_ahead_and_open_among_themselves(ask: Ask) -> None:
    pairs = pd.DataFrame(ask("rank")["pairs"]).query("finetune_tokens == 42e6")
    better = pairs.set_index(["mixture", "than"])["p_better"]
    for mixture in MIXED:
        assert better[mixture, "fr100"] > 0.9
        assert better[mixture, "en100"] > 0.99
    assert better["fr100", "en100"] > 0.99
    assert all(0.1 < better[a, b] < 0.9 for a in MIXED for b in MIXED if a != b)


def test_cross_entropy_would_mislead(ask: Ask) -> None:
    document = ask("conflict")
    pairs = pd.DataFrame(document["pairs"]).query("by == 'mixtures' and p_conflict > 0.9")
    assert {SMALL, MIDDLE} <= set(pairs.query("mixture_a == 'en100'")["finetune_tokens"])
    assert 9 < pairs["regret"].max() < 10.5
    assert {link["verdict"] for link in document["links"]} == {"fails"}


def test_pretraining_is_worth_it_at_small_finetuning_sizes_only(ask: Ask) -> None:
    table = pd.DataFrame(ask("value")["value"])
    small = table.query("finetune_tokens < 21e9")
    assert small["p_gain"].min() > 0.99
    assert small["gain_median"].between(9, 20.5).all()
    assert table.query("finetune_tokens == 21e9")["p_gain"].max() < 0.5


def test_the_advice_is_the_one_in_the_table(ask: Ask) -> None:
    table = pd.DataFrame(ask("advise")["advice"])
    given = table.set_index(["mixture", "finetune_tokens"])["advice"].to_dict()
    mixed = {(mixture, size): "target reached" for mixture in MIXED for size in (SMALL, MIDDLE)}
    broken = {("en100", size): "stop: the law broke" for size in (SMALL, MIDDLE)}
    french = {("fr100", size): "continue" for size in (SMALL, MIDDLE)}
    large = {(mixture, LARGE): "pretraining not needed" for mixture in (*MIXED, "en100", "fr100")}
    assert given == mixed | broken | french | large
    (waiting,) = table.query("mixture == 'fr100' and finetune_tokens == 42e6").to_dict("records")
    assert waiting["last"] < waiting["tokens_median"] < 1e12
    assert waiting["p_continue"] > 0.8
    # In more than one draw of twenty a break or the ceiling of the saturating law keeps it below 30 for ever.
    assert waiting["p_out_of_reach"] + waiting["p_law_broke"] > 0.05


def test_the_plan_is_to_continue_the_curve_in_question(ask: Ask) -> None:
    candidates = pd.DataFrame(ask("plan fit.nc --question forecast")["candidates"])
    own = (candidates["mixture"] == "fr100") & (candidates["finetune_tokens"] == SMALL)
    beyond = candidates["place"] == "beyond"
    others = candidates[~own]["reduction"].max()
    assert others < 0.15
    assert candidates[own & beyond]["reduction"].min() > 2 * others
    best = pd.DataFrame(ask("plan fit.nc --question better")["candidates"]).iloc[0]
    assert best["right_now"] < best["right_after"] < 0.8
