"""JSON documents and folders: what harnesses and trainers write, and what paths say."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bayesscale.errors import UsageError
from bayesscale.metrics.problems import MetricsError
from bayesscale.metrics.read import read_metrics
from bayesscale.metrics.table import Metrics
from tests.metrics.doors import STEP, TOKENS, Written, asked, door, sizes, values
from tests.metrics.walks import write_walks


def written(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2))
    return path


def numbers(metrics: Metrics, *columns: str) -> list[list[Any]]:
    return metrics.frame[list(columns)].to_numpy().tolist()


def harness(scores: dict[str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"results": scores, "versions": dict.fromkeys(scores, 1), **more}


@pytest.mark.parametrize(("key", "spread"), [("acc", "acc_stderr"), ("acc,none", "acc_stderr,none")])
def test_results_of_the_evaluation_harness(tmp_path: Path, key: str, spread: str) -> None:
    for step, acc in ((1000, 0.31), (4000, 0.36)):
        scores = {
            "quiz": {"alias": "quiz", key: acc, spread: 0.01, "mc9": 0.2},
            "hard": {key: acc / 2, spread: "N/A"},
        }
        written(
            tmp_path / "run" / f"step{step}" / "results_2026.json",
            harness(scores, config={"step": step, "seed": 1}),
        )
    (tmp_path / "run" / "step1000" / "samples_quiz.jsonl").write_text('{"doc_id": 1}\n')
    named = read_metrics(tmp_path, columns={"pretrain_tokens": "config.step"})
    from_path = read_metrics(tmp_path, from_path="step{pretrain_steps}", tokens_per_step=1)
    assert named.data_hash == from_path.data_hash
    assert numbers(named, "task", "pretrain_tokens", "metric", "value") == [
        ["hard", 1000, "accuracy", 0.155], ["hard", 4000, "accuracy", 0.18],
        ["quiz", 1000, "accuracy", 0.31], ["quiz", 4000, "accuracy", 0.36],
    ]  # fmt: skip
    assert named.frame["se"].tolist()[2:] == [0.01, 0.01]
    assert named.frame["se"].isna().tolist()[:2] == [True, True]
    assert "columns not read: 'mc9'" in named.notes
    assert "2 files of the folder were read" in named.notes


def test_filters_of_one_metric_are_asked_about(tmp_path: Path) -> None:
    for step in (1, 2):
        scores = {"math": {"exact_match,strict": 0.1 * step, "exact_match,flexible": 0.2 * step}}
        written(tmp_path / f"step{step}" / "results.json", harness(scores))
    with pytest.raises(MetricsError, match="differ in filter"):
        read_metrics(tmp_path, from_path="step{pretrain_tokens}")
    strict = read_metrics(tmp_path, from_path="step{pretrain_tokens}", where=["filter=strict"])
    assert numbers(strict, "value") == [[0.1], [0.2]]


def test_one_result_is_one_size(tmp_path: Path) -> None:
    path = written(tmp_path / "results.json", harness({"quiz": {"acc": 0.3}}, config={"step": 5}))
    with pytest.raises(MetricsError, match="no curve of task, mixture has two sizes"):
        read_metrics(path, columns={"pretrain_tokens": "config.step"})


def test_the_state_of_a_trainer_is_read_once_however_often_it_was_saved(tmp_path: Path) -> None:
    write_walks(tmp_path / "walks")
    state = json.loads((tmp_path / "walks" / "runs" / "web" / "trainer_state.json").read_text())
    first = {**state, "log_history": state["log_history"][:4]}
    written(tmp_path / "out" / "checkpoint-2000" / "trainer_state.json", first)
    written(tmp_path / "out" / "checkpoint-32000" / "trainer_state.json", state)
    written(tmp_path / "out" / "all_results.json", {"eval_loss": 9.9, "epoch": 1})
    folder = read_metrics(tmp_path / "out", columns={"pretrain_tokens": "step"})
    one = read_metrics(
        tmp_path / "walks" / "runs" / "web" / "trainer_state.json", columns={"pretrain_tokens": "step"}
    )
    assert folder.data_hash == one.data_hash
    assert len(one.frame) == 6
    assert one.frame["value"].is_monotonic_decreasing


def test_two_runs_in_a_folder_are_not_pooled(tmp_path: Path) -> None:
    for run, shift in (("a", 0.0), ("b", 0.1)):
        history = [{"step": step, "eval_loss": 3 - shift - step / 10} for step in (1, 2)]
        written(tmp_path / run / "trainer_state.json", {"log_history": history})
    with pytest.raises(MetricsError, match="differ in path"):
        read_metrics(tmp_path, columns={"pretrain_tokens": "step"})
    apart = read_metrics(tmp_path, columns={"pretrain_tokens": "step"}, from_path="{mixture}/trainer_state")
    assert apart.curves()["mixture"].tolist() == ["a", "b"]


@pytest.mark.parametrize("name", ["all_results.json", "eval_results.json", "scores.json"])
def test_a_folder_of_flat_results(tmp_path: Path, name: str) -> None:
    for size, bleu in (("1M", 10.5), ("4M", 14)):
        written(tmp_path / f"d{size}" / name, {"epoch": 3.0, "eval_bleu": bleu, "eval_runtime": 3.2})
    read = read_metrics(tmp_path, axis="finetune_tokens", from_path="d{finetune_tokens}/")
    assert numbers(read, "finetune_tokens", "value") == [[1e6, 10.5], [4e6, 14]]


def test_scores_of_sacrebleu(tmp_path: Path) -> None:
    def score(name: str, value: float) -> dict[str, Any]:
        return {
            "name": name,
            "score": value,
            "signature": "nrefs:1|tok:13a|version:2.4.0",
            "confidence": 0.98,
        }

    for step in (1, 2):
        written(tmp_path / "many" / f"{step}.json", [score("BLEU", 20.0 + step), score("chrF2", 40.0 + step)])
        written(tmp_path / "one" / f"{step}.json", score("BLEU", 20.0 + step))
    many = read_metrics(tmp_path / "many", from_path="{pretrain_tokens}.json")
    assert numbers(many, "metric", "value") == [["bleu", 21], ["chrf", 41], ["bleu", 22], ["chrf", 42]]
    assert many.frame["se"].to_numpy() == pytest.approx([0.5] * 4)
    assert set(many.frame["signature"]) == {"nrefs:1|tok:13a|version:2.4.0"}
    one = read_metrics(tmp_path / "one", from_path="{pretrain_tokens}.json")
    assert numbers(one, "metric", "value") == [["bleu", 21], ["bleu", 22]]


def test_run_tables_of_mlflow_and_wandb(tmp_path: Path) -> None:
    mlflow = tmp_path / "mlflow.csv"
    mlflow.write_text(
        "run_id,status,start_time,params.n_params,params.tokens,metrics.rouge1,metrics.rouge1_std\n"
        "a1,FINISHED,2026-01-01,6M,1M,38,.4\nb2,FINISHED,2026-01-02,6M,4M,41,.4\nc3,FINISHED,2026-01-02,9M,4M,43,.4\n"
    )
    with pytest.raises(MetricsError) as caught:
        read_metrics(mlflow)
    assert caught.value.accepted == (
        "--columns",
        "pretrain_tokens=params.tokens,model_params=params.n_params",
    )
    wandb = tmp_path / "wandb.csv"
    wandb.write_text(
        '"Name","State","Created","Runtime","tokens","eval/loss","train/loss"\n'
        '"x-1","finished","2026-01-01T10:00","100","1B","3.1","2"\n"x-2","finished","2026-01-02T10:00","90","2B","2.9","2"\n'
    )
    assert numbers(read_metrics(wandb, columns={"pretrain_tokens": "tokens"}), "value") == [[3.1], [2.9]]


def test_scalars_of_tensorboard(tmp_path: Path) -> None:
    path = tmp_path / "run-a-tag-eval_loss.csv"
    path.write_text("Wall time,Step,Value\n1700000000.1,10,3.5\n1700000050.2,20,3.1\n")
    with pytest.raises(MetricsError) as caught:
        read_metrics(path)
    assert caught.value.accepted == ("--columns", "cross_entropy=Value,pretrain_tokens=Step")


def scalars(folder: Path, **first: float) -> Path:
    """Write exports of TensorBoard by their names, with `__` for a slash, and the first of their values."""
    for name, value in first.items():
        path = folder / f"{name.replace('__', '/')}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"Wall time,Step,Value\n1,10,{value}\n2,20,{value + 1}\n3,40,{value + 2}\n")
    return folder


@pytest.mark.parametrize(
    "names", [("a-tag-eval_bleu", "a-tag-eval_chrf"), ("eval_bleu", "chrf"), ("bleu__a", "chrf__a")]
)
def test_a_folder_of_scalars_is_never_read_as_one_metric(tmp_path: Path, names: tuple[str, str]) -> None:
    folder = scalars(tmp_path, **{names[0]: 10, names[1]: 40})
    error = asked(folder, "--columns pretrain_tokens=Step,bleu=Value --duplicates best")
    assert [problem.rule for problem in error.problems] == ["one-metric-a-column"]
    assert values(door(folder, shlex.join(error.accepted or ()))) == [10, 11, 12]
    read = door(folder, "--columns pretrain_tokens=Step")
    assert read.metrics == ("bleu", "chrf")
    assert values(read) == [10, 40, 11, 41, 12, 42]


def test_paths_of_scalars_name_runs_as_well_as_metrics(tmp_path: Path) -> None:
    runs = {"run-wide-tag-eval_bleu": 10, "run-deep-tag-eval_bleu": 11, "run-wide-tag-loss": 3}
    folder = scalars(tmp_path, **runs)
    assert [problem.rule for problem in asked(folder, "--columns pretrain_tokens=Step").problems] == [
        "told-apart"
    ]
    read = door(folder, "--columns pretrain_tokens=Step --curve run")
    assert read.curves()["run"].tolist() == ["deep", "wide"]
    assert len(read.frame) == 9


def test_labels_that_name_several_metrics_are_not_read_as_one(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("step,tag,value\n1,eval/bleu,10\n1,eval/chrf,40\n2,eval/bleu,11\n2,eval/chrf,41\n")
    error = asked(path, "--columns pretrain_tokens=step,bleu=value --duplicates last")
    assert [problem.rule for problem in error.problems] == ["one-metric-a-column"]
    assert "--columns metric=tag,value=value" in error.problems[0].hint
    all_of_it = door(path, "--columns pretrain_tokens=step,bleu=value --ignore tag --duplicates last")
    assert values(all_of_it) == [40, 41]
    # Who names one tag among one may know better than it.
    one = door(path, "--columns pretrain_tokens=step,cross_entropy=value --where tag=eval/bleu")
    assert one.metrics == ("cross_entropy",)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("{mixture}/step{pretrain_tokens}", ["en+fr"]),
        ("{task}/en+fr/step{pretrain_tokens}", ["all"]),
        ("*/{mixture}/*{pretrain_tokens}", ["en+fr"]),
        ("step{pretrain_tokens}", ["all"]),
    ],
)
def test_patterns_of_paths(tmp_path: Path, pattern: str, names: list[str]) -> None:
    for step in ("1K", "2K"):
        written(tmp_path / "quiz" / "en+fr" / f"step{step}.json", {"bleu": 20})
    read = read_metrics(tmp_path, from_path=pattern)
    assert read.frame["pretrain_tokens"].tolist() == [1000, 2000]
    assert read.frame["mixture"].unique().tolist() == names


def test_paths_that_do_not_match_are_named(tmp_path: Path) -> None:
    written(tmp_path / "step1.json", {"bleu": 20})
    written(tmp_path / "final.json", {"bleu": 21})
    with pytest.raises(MetricsError, match=r"received 'final.json'"):
        read_metrics(tmp_path, from_path="step{pretrain_tokens}")
    with pytest.raises(UsageError, match="each once"):
        read_metrics(tmp_path, from_path="{task}{task}")


def test_steps_need_their_tokens(tmp_path: Path) -> None:
    written(tmp_path / "step1.json", {"bleu": 20})
    written(tmp_path / "step2.json", {"bleu": 21})
    with pytest.raises(MetricsError, match="--tokens-per-step N"):
        read_metrics(tmp_path, from_path="step{pretrain_steps}")
    read = read_metrics(tmp_path, from_path="step{pretrain_steps}", tokens_per_step=5e5)
    assert read.frame["pretrain_tokens"].tolist() == [5e5, 1e6]


def test_other_numbers_of_shots_are_not_pooled(tmp_path: Path) -> None:
    for step, shots in ((1, 0), (2, 0), (4, 5), (8, 5)):
        scores = harness({"quiz": {"acc": 0.1 * step}}, **{"n-shot": {"quiz": shots}})
        written(tmp_path / f"step{step}" / "results.json", scores)
    with pytest.raises(MetricsError) as caught:
        read_metrics(tmp_path, from_path="step{pretrain_tokens}")
    assert [(problem.rule, problem.column) for problem in caught.value.problems] == [
        ("told-apart", "num_fewshot")
    ]


def test_groups_beside_their_tasks_are_noted(tmp_path: Path) -> None:
    for step in (1, 2):
        scores = {"all": {"acc": 0.1 * step}, "law": {"acc": 0.1 * step}, "art": {"acc": 0.1 * step}}
        document = harness(scores, group_subtasks={"all": ["law", "art"], "law": []})
        written(tmp_path / f"step{step}" / "results.json", document)
    notes = " ".join(read_metrics(tmp_path, from_path="step{pretrain_tokens}").notes)
    assert "all are means of other tasks, which count twice: --where 'task!=all'" in notes


@pytest.mark.parametrize("as_lists", [False, True])
def test_runs_by_name_are_asked_about_and_are_no_mixture(written: Written, as_lists: bool) -> None:
    runs = {"a": {"step": [1, 2, 4], "bleu": [10, 12, 14]}, "b": {"step": [1, 2], "bleu": [20, 22]}}
    rows = {name: [dict(zip(run, row, strict=True)) for row in zip(*run.values(), strict=True)]
            for name, run in runs.items()}  # fmt: skip
    path = written(json.dumps(runs if as_lists else rows), "m.json")
    error = asked(path, STEP)
    assert [(problem.rule, problem.column) for problem in error.problems] == [("told-apart", "run")]
    assert "mixture=" not in str(error)
    read = door(path, f"{STEP} --curve run")
    assert [values(read), set(read.frame["mixture"])] == [[10, 12, 14, 20, 22], {"all"}]
    assert len(door(path, f"{STEP},seed=run").curves()) == 1


@pytest.mark.parametrize(
    "text",
    [
        "step=100 loss=2.5 bleu=12.5\nstep=200 bleu=13.5 loss=2.25\n",
        "step: 100, loss: 2.5, bleu: 12.5\n\nstep: 200, loss: 2.25, bleu: 13.5\n",
        "step=100 | loss=2.5 | bleu=12.5\nstep=200 | loss=2.25 | bleu=13.5\n",
        "step:100/1000 loss:2.5 bleu:12.5\nstep:200/1000 loss:2.25 bleu:13.5\n",
        "step 100/1000 loss 2.5 bleu 12.5\nstep 200/1000 loss 2.25 bleu 13.5\n",
    ],
)
def test_lines_of_names_and_numbers(written: Written, text: str) -> None:
    read = door(written(text, "train.log"), STEP)
    assert read.frame[["pretrain_tokens", "metric", "value"]].to_numpy().tolist() == [
        [100, "bleu", 12.5],
        [100, "cross_entropy", 2.5],
        [200, "bleu", 13.5],
        [200, "cross_entropy", 2.25],
    ]
    assert set(read.frame["line"]) == {1, 1 + text[: text.index("200")].count("\n")}


@pytest.mark.parametrize(
    "other", ["Starting\n{}{}", "{}saved a model\n{}", "2026-01-01 INFO {}2026-01-01 INFO {}"]
)
def test_names_and_numbers_among_other_lines_are_to_be_kept_alone(written: Written, other: str) -> None:
    lines = "step=100 loss=2.5\n", "step=200 loss=2.25\n"
    (problem,) = asked(written(other.format(*lines), "train.log")).problems
    assert problem.rule == "format"
    assert "grep 'loss='" in problem.hint
    assert values(door(written("".join(lines), "train.log"), STEP)) == [2.5, 2.25]


@pytest.mark.parametrize(
    "line",
    [
        " {}%|####  | {}/1000 [00:10<00:14, loss={}]",
        "epoch 1:  {}%|███▏ | {}/1000 [00:10<00:14, 3.20it/s, loss={}]",
        "{}%|#| {}/1000 [1:00:10<?, ?it/s, loss={}, lr=1e-3]",
    ],
)
def test_bars_of_progress_become_lines_of_names_and_numbers(
    written: Written, tmp_path: Path, line: str
) -> None:
    bars = [line.format(*cells) for cells in ((42, 420, 2.5), (84, 840, 2.25))]
    path = written("start of training\n" + "\r".join(bars) + "\n", "train.log")
    (problem,) = asked(path, STEP).problems
    assert problem.rule == "format"
    new = tmp_path / "new.log"
    command = problem.hint.rpartition(" by ")[2].replace("FILE", str(path)).replace("NEW", str(new))
    subprocess.run(["bash", "-c", command], check=True)
    read = door(new, STEP)
    assert [sizes(read), values(read)] == [[420, 840], [2.5, 2.25]]


def test_a_name_that_is_twice_in_a_line_is_a_problem(written: Written) -> None:
    path = written("step=1 bleu=2\nstep=2 bleu=3 bleu=4\nstep=3 bleu=4\n", "train.log")
    (problem,) = asked(path, STEP).problems
    assert (problem.line, "'bleu' occurs twice" in problem.hint) == (2, True)


def test_settings_written_in_cells_are_no_log(written: Written) -> None:
    rows = "lr=1e-3 wd=0.1,1M,20\nlr=1e-3 wd=0.1,2M,21\n"
    assert values(door(written(f"mixture,tokens,bleu\n{rows}"), TOKENS)) == [20, 21]
