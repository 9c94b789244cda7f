"""What tells runs apart is asked about, whatever it is called; spreads and settings are no scores."""

from __future__ import annotations

import pytest

from bayesscale.metrics.names.columns import meaning
from tests.metrics.doors import STEP, TOKENS, Written, asked, door, sizes, values


def table(column: str, levels: str, score: str = "loss") -> str:
    """Return a table of one score that falls, with one more column."""
    rows = [f"{level},{2**n}M,{4 - n / 10}" for n, level in enumerate(levels.split())]
    return f"{column},tokens,{score}\n" + "\n".join(rows)


@pytest.mark.parametrize(
    ("column", "levels", "offered"),
    [
        ("N", ["60M", "60M", "5B", "5B"], "--columns model_params=N"),
        ("n_params", ["6", "7", "6", "7"], "--columns model_params=n_params"),
        ("lr", ["1e-3", "2e-3", "1e-3", "2e-3"], "--curve task,mixture,lr"),
        ("phase", ["1", "1", "2", "2"], "--curve task,mixture,phase"),
        ("kind", ["x", "y", "y", "x"], "--ignore kind"),
        ("dataset", ["x", "y", "y", "x"], "--columns task=dataset"),
    ],
)
def test_what_tells_runs_apart_is_not_pooled(
    written: Written, column: str, levels: list[str], offered: str
) -> None:
    rows = [f"{2**n}M,{level},{20 + n}" for n, level in enumerate(levels)]
    error = asked(written(f"tokens,{column},bleu\n" + "\n".join(rows)), TOKENS)
    assert [problem.rule for problem in error.problems] == ["told-apart"]
    assert error.problems[0].column == column
    assert offered in error.problems[0].options
    assert error.accepted is not None


def test_models_of_one_size_each_are_no_curve_and_nothing_makes_them_one(written: Written) -> None:
    error = asked(written(table("n_params", "6M 7M 8M 9M")), TOKENS)
    assert [problem.rule for problem in error.problems] == ["told-apart"]
    assert "each model has one size" in error.problems[0].hint
    assert error.accepted is None


@pytest.mark.parametrize("column", ["epoch", "wall_time", "step", "note", "grad_norm"])
def test_what_goes_along_with_a_curve_is_no_question(written: Written, column: str) -> None:
    cells = {"epoch": "1 1 2 2", "note": "a b c d", "step": "1 2 3 4"}.get(column, "1.5 1.2 1.9 1.1").split()
    rows = [f"{2**n}M,{cell},{20 + n}" for n, cell in enumerate(cells)]
    read = door(written(f"tokens,{column},bleu\n" + "\n".join(rows)), TOKENS)
    assert read.notes == (f"columns not read: '{column}'",)


@pytest.mark.parametrize(
    "column", ["n", "count", "high", "low", "rank", "max", "min", "lora_rank", "n_seeds"]
)
def test_a_setting_that_is_called_like_a_spread_is_asked_about(written: Written, column: str) -> None:
    (problem,) = asked(written(table(column, "8 64 64 8")), TOKENS).problems
    assert (problem.rule, problem.column) == ("told-apart", column)


def test_large_counts_are_no_numbers_of_runs(written: Written) -> None:
    rows = ["60000000,1M,4,.1", "60000000,2M,3,.1", "90000000,3M,3.5,.1", "90000000,6M,2.5,.1"]
    path = written("n,tokens,loss,std\n" + "\n".join(rows))
    assert "--columns model_params=n" in asked(path, TOKENS).problems[0].options
    read = door(path, f"{TOKENS},model_params=n")
    assert "se" not in read.frame
    assert any("with the number of runs in a column n" in note for note in read.notes)


def test_text_is_no_score(written: Written) -> None:
    (problem,) = asked(written(table("precision", "bf16 fp32 bf16 fp32")), TOKENS).problems
    assert (problem.rule, problem.column) == ("told-apart", "precision")


@pytest.mark.parametrize(
    ("column", "levels"),
    [
        ("params.lr", ".001 .001 .003 .005"),
        ("d_model", "256 320 384 512"),
        ("batch_size", "8 16 32 64"),
        ("model", "d12 d16 d20 d24"),
        ("flops", "1e18 3e18 1e18 3e18"),
        ("compute", "2 1 2 1"),
    ],
)
def test_settings_that_grow_with_the_size_are_asked_about(written: Written, column: str, levels: str) -> None:
    (problem,) = asked(written(table(column, levels)), TOKENS).problems
    assert (problem.rule, problem.column) == ("told-apart", column)


@pytest.mark.parametrize(
    ("column", "levels"), [("flops", "1 2 4 8"), ("lr", "1 3 2 1.5"), ("model", "step1 step2 step4 step8")]
)
def test_what_follows_a_run_is_no_question(written: Written, column: str, levels: str) -> None:
    path = written(table(column, levels).replace("tokens", "step"))
    assert len(door(path, STEP).frame) == 4


@pytest.mark.parametrize(
    "name", ["config.lr", "params/batch_size", "learning_rate", "n_layers", "weight-decay"]
)
def test_names_of_settings(name: str) -> None:
    assert meaning(name) == "setting"


@pytest.mark.parametrize(
    ("first", "second", "replicates"),
    [
        ("baseline", "improved", False),
        ("width256", "width512", False),
        ("d12", "d24", False),
        ("lr1", "lr2", False),
        ("run-1", "run-2", True),
        ("big_s1", "big_s2", True),
        ("x7k2m9qd", "0p3r8v5n", True),
    ],
)
def test_names_of_runs_that_are_replicates(
    written: Written, first: str, second: str, replicates: bool
) -> None:
    rows = f"{first},1M,4\n{first},2M,3.5\n{second},1M,3\n{second},2M,2.5\n"
    path = written("run,tokens,loss\n" + rows)
    if replicates:
        assert len(door(path, TOKENS).curves()) == 1
    else:
        assert [problem.rule for problem in asked(path, TOKENS).problems] == ["told-apart"]


def test_error_may_be_a_rate_or_a_spread(written: Written) -> None:
    path = written("tokens,bleu,error\n1M,20,.5\n2M,22,.4\n")
    (problem,) = asked(path, TOKENS).problems
    assert (problem.rule, problem.column) == ("score-or-spread", "error")
    neither, spread, metric = problem.options
    assert list(door(path, f"{TOKENS} {spread}").frame["se"]) == [0.5, 0.4]
    assert door(path, f"{TOKENS} {metric}").metrics == ("bleu", "error_rate")
    assert door(path, f"{TOKENS} {neither}").metrics == ("bleu",)
    alone = written("tokens,error\n1M,.5\n2M,.4\n", "alone.csv")
    assert door(alone, TOKENS).metrics == ("error_rate",)


@pytest.mark.parametrize(
    ("training", "first", "second"),
    [
        ("loss", "eval_wiki_loss", "eval_c4_loss"),
        ("train/loss", "eval/wiki/loss", "eval/c4/loss"),
        ("train/CrossEntropyLoss", "eval/wiki/CrossEntropyLoss", "eval/c4/CrossEntropyLoss"),
    ],
)
def test_evaluations_by_data_set_are_preferred_to_the_training_loss(
    written: Written, training: str, first: str, second: str
) -> None:
    path = written(f"step,{training},{first},{second}\n1,4,4.5,5\n2,3,3.5,4\n")
    assert asked(path, STEP).accepted == (*STEP.split(), "--melt", "task")
    read = door(path, f"{STEP} --melt task")
    assert (len(read.curves()), values(read)) == (2, [5, 4, 4.5, 3.5])
    assert f"{training!r} left out as training loss" in read.notes[0]


def test_settings_means_and_spreads_are_no_systems(written: Written) -> None:
    header = "size,lr,dropout,n_layers,base,ours,mean,std,p-value"
    path = written(f"{header}\n1M,.1,.2,6,20,30,25,.4,.01\n2M,.1,.2,6,21,31,26,.4,.02\n")
    read = door(path, "--columns pretrain_tokens=size --melt mixture=bleu")
    assert sorted(read.curves()["mixture"]) == ["base", "ours"]
    assert read.notes[0] == "columns of 2 values of mixture were read as rows: 'base', 'ours'"
    languages = written("size,hi,lo\n1M,20,30\n2M,21,31\n", "l.csv")
    assert len(door(languages, "--columns pretrain_tokens=size --melt task=bleu").curves()) == 2


def test_spreads_of_long_tables_are_read_as_those_of_wide_ones(written: Written) -> None:
    ends = written("metric,tokens,value,lower,upper\nbleu,1M,20,19,22.92\nbleu,2M,25,24,27.92\n")
    assert door(ends, TOKENS).frame["se"].to_numpy() == pytest.approx([1, 1])
    several = written("metric,tokens,value,std,n\nbleu,1M,20,1.5,9\nbleu,2M,25,2,4\n", "s.csv")
    assert list(door(several, TOKENS).frame["se"]) == [0.5, 1.0]
    assert sizes(door(several, TOKENS)) == [1e6, 2e6]


@pytest.mark.parametrize("column", ["batch_size", "global_batch_tokens", "train/batch"])
@pytest.mark.parametrize("levels", ["8 8 16 32", "64 32 16 8"])
def test_steps_of_batches_that_change_are_no_tokens(written: Written, column: str, levels: str) -> None:
    path = written(table(column, levels).replace(",tokens,", ",step,"))
    for option in (STEP, f"{STEP} --tokens-per-step 1M"):
        error = asked(path, option)
        (problem,) = error.problems
        assert (problem.rule, problem.column, error.accepted) == ("told-apart", column, None)
        assert "is not their tokens" in problem.hint
    assert len(door(path, f"{STEP} --ignore {column}").frame) == 4
    constant = written(table(column, "8 8 8 8").replace(",tokens,", ",step,"), "c.csv")
    assert sizes(door(constant, f"{STEP} --tokens-per-step 2"))[0] == 2e6


@pytest.mark.parametrize(
    ("column", "levels", "way"),
    [
        ("State", "finished crashed finished finished", "--where State=finished"),
        ("outcome", "ok oom ok ok", "--where outcome=ok"),
        ("Notes", "good bad bad good", "--ignore Notes"),
        ("host", "x y y x", "--ignore host"),
    ],
)
def test_what_is_said_of_runs_makes_no_curve(written: Written, column: str, levels: str, way: str) -> None:
    error = asked(written(table(column, levels)), TOKENS)
    (problem,) = error.problems
    assert problem.options[0] == way
    assert "--curve" not in str(error)
    again = asked(written(table(column, levels).replace("2M", "1M"), "again.csv"), TOKENS)
    assert "--curve" not in str(again)


@pytest.mark.parametrize(
    "column",
    [
        *("Runtime", "Created", "Updated At", "_timestamp", "heartbeat_at"),
        *("wall time (s)", "elapsed_min", "train_time_h", "time_per_step", "step_time"),
        *("eval/duration_ms", "tokens_per_s"),
        *("eval_batch_size", "per_device_eval_batch_size", "train/eval_batch_size", "decode batch"),
        *("peak_memory", "mem_gb", "max_memory_allocated", "cost_usd", "num_workers", "logging_steps"),
    ],
)
def test_what_changes_no_score_is_left_out(written: Written, column: str) -> None:
    read = door(written(table(column, "3 3 4 2")), TOKENS)
    assert any("not read" in note and column in note for note in read.notes)


@pytest.mark.parametrize(
    "column", ["learning_rate", "train_batch_size", "time_steps", "num_gpus", "eval_samples", "memory_tokens"]
)
def test_what_may_change_a_score_is_asked_about(written: Written, column: str) -> None:
    (problem,) = asked(written(table(column, "8 8 64 64")), TOKENS).problems
    assert (problem.rule, problem.column) == ("told-apart", column)


@pytest.mark.parametrize("column", ["batch_size", "tokens_per_step", "seq_len", "grad_accum"])
def test_steps_that_differ_between_curves_are_not_times_one_number(written: Written, column: str) -> None:
    rows = "A,1000,8,3.5\nA,2000,8,3.2\nB,1000,16,3.4\nB,2000,16,3.1\n"
    path = written(f"mixture,step,{column},loss\n{rows}")
    (problem,) = asked(path, f"{STEP} --tokens-per-step 1M").problems
    assert (problem.column, problem.options) == (column, ())
    assert len(door(path, f"{STEP} --tokens-per-step 1M --ignore {column}").curves()) == 2
    assert len(door(path, STEP).curves()) == 2


@pytest.mark.parametrize("column", ["batch_loss", "batch_idx", "batch_time"])
def test_what_is_measured_of_batches_is_no_size_of_one(written: Written, column: str) -> None:
    path = written(table(column, "4 3 2 1").replace(",tokens,", ",step,"))
    assert len(door(path, f"{STEP} --tokens-per-step 8").frame) == 4


def test_numbers_of_batches_are_no_sizes_of_them(written: Written) -> None:
    path = written(table("batch", "1M 2M 4M 8M").replace(",tokens,", ",step,"))
    assert "is not their tokens" not in str(asked(path, STEP))


@pytest.mark.parametrize(
    ("column", "levels", "first"),
    [
        ("batch_size", "- 8 8 8", "--where batch_size=8"),
        ("optimizer", "- - muon muon", "--where optimizer=muon"),
        ("n_params", "- 6M - 6M", "--columns model_params=n_params"),
        ("model", "- d12 d12 -", "--columns mixture=model"),
        ("phase", "- - cooldown cooldown", "--where phase=cooldown"),
        ("State", "- crashed - crashed", "--ignore State"),
        ("run", "base base - -", "--where run=base"),
    ],
)
def test_settings_that_are_empty_in_a_part_of_a_curve_are_asked_about(
    written: Written, column: str, levels: str, first: str
) -> None:
    path = written(table(column, levels).replace("-,", ","))
    (problem,) = asked(path, TOKENS).problems
    assert (problem.rule, problem.column, problem.options[0]) == ("told-apart", column, first)
    assert "(empty)" in str(problem.value)
    assert all("--curve" not in way for way in problem.options)
    assert len(door(path, f"{TOKENS} --where {column}!=").frame) == 4 - levels.split().count("-")
    assert len(door(path, f"{TOKENS} --ignore {column}").frame) == 4


@pytest.mark.parametrize(
    ("column", "levels"),
    [("note", "- good - -"), ("epoch", "- 1 - 2"), ("grad_norm", "- 1.5 - 1.5"), ("remark", "- x - x")],
)
def test_what_is_said_now_and_then_is_no_question(written: Written, column: str, levels: str) -> None:
    read = door(written(table(column, levels).replace("-,", ",")), TOKENS)
    assert len(read.frame) == 4


def test_settings_that_are_empty_in_whole_curves_are_no_question(written: Written) -> None:
    rows = "a,1M,,4\na,2M,,3\nb,1M,8,5\nb,2M,8,4\n"
    assert len(door(written(f"mixture,tokens,batch_size,loss\n{rows}"), TOKENS).curves()) == 2


def test_a_rate_of_a_log_that_is_written_now_and_then_is_no_question(written: Written) -> None:
    path = written(table("lr", "- .1 - .2").replace(",tokens,", ",step,").replace("-,", ","))
    assert len(door(path, STEP).frame) == 4
