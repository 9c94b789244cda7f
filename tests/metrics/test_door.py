"""Tables as people have them: each is read rightly, or asked about with the option that settles it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from bayesscale.metrics.problems import MetricsError
from bayesscale.metrics.read import read_metrics
from tests.metrics.doors import STEP, TOKENS, Written, asked, door, sizes, values

CHART = (
    '"Step","a - eval/bleu","a - eval/bleu__MIN","a - eval/bleu__MAX","b - eval/bleu","b - eval/bleu__MIN"\n'
)


def test_charts_of_weights_and_biases(written: Written) -> None:
    path = written(CHART + "10,5,5,5,,\n20,8,8,8,6,6\n40,9,9,9,7,7\n")
    assert asked(path).accepted == ("--columns", "pretrain_tokens=Step")
    read = door(path, "--columns pretrain_tokens=Step")
    assert read.curve_columns == ("task", "mixture", "run")
    assert read.frame[["run", "value"]].to_numpy().tolist() == [
        ["a", 5],
        ["a", 8],
        ["a", 9],
        ["b", 6],
        ["b", 7],
    ]
    labelled = door(path, "--columns pretrain_tokens=Step --melt mixture")
    assert labelled.curves()["mixture"].tolist() == ["a", "b"]
    one = door(path, "--columns 'pretrain_tokens=Step,bleu=a - eval/bleu'")
    assert values(one) == [5, 8, 9]


@pytest.mark.parametrize(
    ("text", "option", "labels"),
    [
        ("tokens,en-de BLEU,en-fr BLEU\n1,20,30\n2,21,31\n", "--melt task", ["en-de", "en-fr"]),
        ("tokens,hellaswag/acc,hellaswag/acc_stderr,arc/acc\n1,.2,.01,.3\n2,.3,.01,.4\n", "--melt task",
         ["arc", "hellaswag"]),
        ("tokens,bleu_flores,bleu_ntrex\n1,20,30\n2,21,31\n", "--melt task", ["flores", "ntrex"]),
        ("tokens,base,ours,ours_std\n1,20,30,1\n2,21,31,1\n", "--melt mixture=bleu", ["base", "ours"]),
    ],
)  # fmt: skip
def test_systems_or_tasks_as_columns(written: Written, text: str, option: str, labels: list[str]) -> None:
    path = written(text)
    asked(path, TOKENS)
    label = option.split()[1].split("=")[0]
    assert sorted(door(path, f"{TOKENS} {option}").curves()[label]) == labels


def test_scores_beside_melted_columns_keep_rows_of_their_own(written: Written) -> None:
    path = written("tokens,loss,a/acc,b/acc\n1,3,.2,.3\n2,2,.4,.5\n")
    read = door(path, f"{TOKENS} --melt task")
    assert len(read.frame) == 6
    assert set(read.frame.loc[read.frame["metric"].eq("cross_entropy"), "task"]) == {"all"}


SWEEP = "arch,D,lr,loss\nx,1M,.1,5\nx,1M,.2,4.5\nx,4M,.1,4\nx,4M,.2,3.8\nx,4M,.2,3.8\n"


def test_a_sweep_is_never_taken_for_replicates(written: Written) -> None:
    path = written(SWEEP)
    error = asked(path, "--columns pretrain_tokens=D,mixture=arch")
    assert {problem.rule for problem in error.problems} == {"no-duplicates"}
    assert all("seed" not in text for problem in error.problems for text in problem.options)
    assert "--duplicates best" in error.problems[0].options
    best = door(path, "--columns pretrain_tokens=D,mixture=arch --duplicates best")
    assert values(best) == [4.5, 3.8]
    assert "1 rows repeat another one in every cell and were merged" in best.notes
    mean = door(path, "--columns pretrain_tokens=D,mixture=arch --duplicates mean").frame
    assert mean["value"].to_numpy() == pytest.approx([4.75, 3.9])
    assert mean["se"].to_numpy() == pytest.approx([0.25, 0.1])
    assert mean["n"].tolist() == [2, 2]
    assert values(door(path, "--columns pretrain_tokens=D,mixture=arch --duplicates first")) == [5, 4]
    assert len(door(path, "--columns pretrain_tokens=D,mixture=arch --curve mixture,lr").curves()) == 2


def test_replicates_are_offered_by_their_own_column(written: Written) -> None:
    error = asked(written("tokens,random_seed,bleu\n1,7,20\n1,8,21\n2,7,25\n2,8,26\n"), TOKENS)
    assert error.accepted == ("--columns", "pretrain_tokens=tokens,seed=random_seed")


def test_sizes_that_hardly_differ_between_settings_are_one_size(written: Written) -> None:
    rows = "8000110592,1,2.8\n8002207744,2,2.9\n64000098304,1,2.6\n64002195456,2,2.7\n"
    path = written(f"tokens,batch,loss\n{rows}")
    error = asked(path, TOKENS)
    assert {problem.rule for problem in error.problems} == {"no-duplicates"}
    best = door(path, f"{TOKENS} --duplicates best")
    assert sizes(best) == [8000110592, 64000098304]
    assert "4 sizes that differ by less than 1% between other settings were taken as 2" in best.notes
    # Checkpoints of one run may be as near as they like.
    assert len(door(written("tokens,loss\n1000,3\n1001,2.9\n2000,2.5\n", "n.csv"), TOKENS).frame) == 3


def test_curves_of_one_size_are_left_out_with_a_note(written: Written) -> None:
    path = written("N,tokens,loss\n6M,1B,3\n6M,2B,2.9\n9M,2B,2.7\n")
    read = door(path, "--columns pretrain_tokens=tokens,model_params=N")
    assert len(read.curves()) == 1
    assert "1 curves of one size were left out: all | all | 9M | cross_entropy" in read.notes
    only = asked(
        written("N,tokens,loss\n6M,1B,3\n7M,2B,2.9\n9M,2B,2.7\n"),
        "--columns pretrain_tokens=tokens,model_params=N",
    )
    assert [problem.rule for problem in only.problems] == ["two-sizes"]


@pytest.mark.parametrize(
    ("header", "rows", "taken"),
    [
        ("step,loss,eval_loss", ["1,4,", "2,3,3.5", "3,2,3.1"], [3.5, 3.1]),
        ("step,train_loss,val_loss", ["1,4,5", "2,3,4"], [5, 4]),
        ("step,train/loss,bleu", ["1,4,5", "2,3,6"], [5, 6]),
        ("step,train_loss", ["1,4", "2,3"], [4, 3]),
        ("step,loss,eval_bleu", ["1,4,5", "2,3,6"], [5, 6]),
    ],
)
def test_training_loss_is_not_the_loss_of_the_model(
    written: Written, header: str, rows: list[str], taken: list[float]
) -> None:
    assert values(door(written("\n".join([header, *rows])), STEP)) == taken


@pytest.mark.parametrize("name", ["val", "Valid", "dev", "eval", "heldout"])
def test_an_evaluation_of_no_metric_beside_a_loss_is_asked_about(written: Written, name: str) -> None:
    path = written(f"tokens,{name},loss\n1M,3.9,3.7\n2M,3.5,3.3\n")
    (problem,) = asked(path, TOKENS).problems
    assert problem.options == (f"--columns cross_entropy={name}", "--columns cross_entropy=loss")
    assert values(door(path, f"{TOKENS} --columns cross_entropy=loss")) == [3.7, 3.3]


def test_two_evaluations_are_asked_about(written: Written) -> None:
    error = asked(written("step,val_bleu,test_bleu\n1,4,5\n2,3,6\n"), STEP)
    assert error.problems[0].options == ("--columns bleu=val_bleu", "--columns bleu=test_bleu")


def test_a_resumed_run(written: Written) -> None:
    path = written("step,val_loss\n1000,4.2\n2000,3.6\n3000,3.3\n2000,3.6\n3000,3.31\n4000,3.1\n")
    assert asked(path, STEP).accepted == ("--columns", "pretrain_tokens=step", "--duplicates", "last")
    assert values(door(path, f"{STEP} --duplicates last")) == [4.2, 3.6, 3.31, 3.1]


def test_step_0_is_said_to_be_a_baseline(written: Written) -> None:
    path = written("step,loss\n0,10.9\n1000,4.2\n4000,3.4\n")
    (note,) = door(path, STEP).notes
    assert "taken for the model without pretraining" in note
    assert note.endswith("--where 'step>0'")
    assert door(path, f"{STEP} --where step>0").notes[0].startswith("--where left out 1")


SHAPES: dict[str, tuple[str, str]] = {
    "Markdown": ("m.md", "Results\n\n| tokens | bleu |\n|---|:-:|\n| 11K | **40.2** |\n| 14K | 41 |\n\nend"),
    "Markdown in a CSV": ("m.csv", "| tokens | bleu |\n|--|--|\n| 11K | 40.2 |\n| 14K | 41 |\n"),
    "Jira": ("m.txt", "||tokens||bleu||\n|11K|*40.2*|\n|14K|41|\n"),
    "Jira in Markdown": ("m.md", "h2. Results\n\n|| ||tokens||bleu||\n|| 0|11K|40.2|\n||1|14K|41|\n"),
    "sep": ("m.csv", "sep=;\ntokens;bleu\n11000;40.2\n14000;41\n"),
    "comments": ("m.csv", "# made by hand\ntokens,bleu\n# the first\n11000,40.2\n14000,41\n"),
    "header in a comment": ("m.txt", "# tokens bleu\n11000 40.2\n14000 41\n"),
    "spaces": ("m.txt", "tokens   bleu\n 11000   40.2\n 14000   41\n"),
    "bars": ("m.csv", "tokens|bleu\n11000|40.2\n14000|41\n"),
    "array": ("m.json", '[{"tokens": 11000, "bleu": 40.2},\n {"tokens": 14000, "bleu": 41}]'),
    "nested": ("m.jsonl", '{"tokens":11000, "eval": {"bleu": 40.2}}\n{"tokens": 14000, "eval":{"bleu":41}}'),
    "columns": ("m.json", '{"tokens": [11000, 14000],\n "bleu": [40.2, 41]}'),
    "pandas": ("m.json", '{"tokens":{"0":11000,"1":14000},"bleu":{"0":40.2,"1":41.0}}'),
    "split": ("m.json", '{"columns":["tokens","bleu"],"index":[0,1],"data":[[11000,40.2],[14000,41]]}'),
    "one list": ("m.json", '{"h": [{"tokens": 11000, "bleu": 40.2}, {"tokens": 14000, "bleu": 41}]}'),
    "row numbers": ("m.csv", ",tokens,bleu\n0,11000,40.2\n1,14000,41\n"),
    "long by other names": ("m.csv", "tokens,key,score\n11000,bleu,40.2\n14000,bleu,41\n"),
    "units": ("m.csv", "tokens (K),bleu\n11,40.2\n14,41\n"),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_of_one_table(written: Written, shape: str) -> None:
    name, text = SHAPES[shape]
    size = "tokens (K)" if shape == "units" else "tokens"
    long = ",metric=key,value=score" if "long" in shape else ""
    read = door(written(text, name), f"--columns 'pretrain_tokens={size}{long}'")
    assert (read.metrics, sizes(read), values(read)) == (("bleu",), [11000, 14000], [40.2, 41])


def test_a_header_that_is_missing_is_asked_for(written: Written) -> None:
    assert asked(written("11000,40.2\n14000,41\n")).problems[0].rule == "header"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ignore": ["blue"]}, "did you mean 'bleu'"),
        ({"scale": {"chrf": 100}}, "--scale needs a metric"),
        ({"scale": {"bleu": 0}}, "above 0"),
        ({"duplicates": "max"}, "valid: best, error, first, last, mean"),
        ({"melt": "task"}, "found no columns"),
        ({"melt": "bleu"}, "a column already"),
        ({"metric": {"x": "up"}}, "NAME=up,LOW,HIGH"),
        ({"from_path": "step"}, "names of columns in braces"),
    ],
)
def test_options_that_cannot_be_used(written: Written, options: dict[str, Any], message: str) -> None:
    from bayesscale.errors import UsageError

    with pytest.raises(UsageError, match=message):
        read_metrics(written("pretrain_tokens,bleu\n1,20\n2,21\n"), **options)


def test_a_declared_metric(written: Written) -> None:
    path = written("tokens,My Reward,bleu\n1M,3,20\n2M,4,21\n")
    assert door(path, TOKENS).notes == ("columns not read: 'My Reward'",)
    read = door(path, f"{TOKENS} --metric 'My Reward=up,0,10'")
    assert read.metrics == ("My Reward[up,0,10]", "bleu")
    error = asked(written("tokens,metric,value\n1M,bleurt_x,20\n2M,bleurt_x,21\n"), TOKENS)
    assert "--metric bleurt_x=up,0,100" in error.problems[0].hint
    assert "did you mean" not in error.problems[0].hint


def test_a_data_frame_is_read_by_the_same_rules() -> None:
    frame = pd.DataFrame({"Step": [1, 2, 3], "eval/loss": [3.0, None, 2.5], "train/loss": [1.0, 1, 1]})
    read = read_metrics(frame, columns={"pretrain_tokens": "Step"}, tokens_per_step=2e6)
    assert (sizes(read), values(read)) == ([2e6, 6e6], [3.0, 2.5])
    with pytest.raises(MetricsError) as caught:
        read_metrics(frame)
    assert caught.value.accepted == ("--columns", "pretrain_tokens=Step")
    assert caught.value.problems[0].options == ("--columns pretrain_tokens=Step",)


def test_a_separator_is_the_one_that_rows_have_as_well(written: Written) -> None:
    path = written("tokens;acc,none;acc_stderr,none\n1B;0.25;0.012\n2B;0.31;0.012\n")
    read = door(path, TOKENS)
    assert (values(read), list(read.frame["se"])) == ([0.25, 0.31], [0.012, 0.012])
    assert values(door(written("tokens;bleu,none\n1B;20\n2B;21\n"), TOKENS)) == [20, 21]


def test_content_without_a_name_is_asked_about(written: Written) -> None:
    for text, told in (
        ("tokens,bleu,\n1,20,30\n2,21,31\n", "has content and no name"),
        (",en-de,,en-fr,\ntokens,BLEU,chrF,BLEU,chrF\n1,2,3,4,5\n", "names stand in two rows"),
        (",en-de,en-de\n,BLEU,chrF\ntokens,,\n1,2,3\n", "names stand in two rows"),
    ):
        for options in ("", TOKENS):
            (problem,) = asked(written(text), options).problems
            assert (problem.line, problem.rule) == (1, "header")
            assert told in problem.hint
    assert values(door(written("tokens,bleu,\n1,20,\n2,21,\n"), TOKENS)) == [20, 21]


def test_runs_with_names_of_their_own_are_no_replicates(written: Written) -> None:
    rows = "lr1e-3-seed1,1M,4\nlr1e-3-seed1,2M,3.5\nlr1e-4-seed1,1M,4.5\nlr1e-4-seed1,2M,4.1\n"
    path = written("run,tokens,loss\n" + rows)
    error = asked(path, TOKENS)
    assert error.problems[0].options == (
        "--curve task,mixture,run", "--columns seed=run", "--where run=lr1e-3-seed1",
    )  # fmt: skip
    assert len(door(path, f"{TOKENS} --curve run").curves()) == 2
    assert len(door(path, f"{TOKENS},seed=run").curves()) == 1
    for first, second in (("1", "2"), ("a", "b"), ("full-seed1", "full-seed2"), ("3k2j9x1p", "9a8b7c6d")):
        same = rows.replace("lr1e-3-seed1", first).replace("lr1e-4-seed1", second)
        assert len(door(written("run,tokens,loss\n" + same), TOKENS).curves()) == 1


def test_means_among_rows_are_noted(written: Written) -> None:
    path = written("lang,tokens,bleu\nde,1M,10\nde,2M,12\navg,1M,11\navg,2M,13\n")
    read = door(path, f"{TOKENS},task=lang")
    (note,) = read.notes
    assert "task 'avg' seems to be a mean of others" in note
    assert len(door(path, f"{TOKENS},task=lang --where task!=avg").frame) == 2


def test_a_factor_does_not_settle_two_scales_in_one_curve(written: Written) -> None:
    path = written("tokens,f1\n1B,0.61\n2B,0.63\n4B,65.1\n8B,66\n")
    error = asked(path, TOKENS)
    assert {problem.rule for problem in error.problems} == {"value-in-range", "one-scale"}
    assert error.accepted is None


def test_benchmarks_as_columns_are_offered_as_tasks(written: Written) -> None:
    path = written("Tokens,MMLU,HellaSwag\n100B,25.1,40.2\n500B,30.2,52.1\n")
    assert asked(path, "--columns pretrain_tokens=Tokens").accepted == (
        "--columns", "pretrain_tokens=Tokens", "--melt", "task=accuracy", "--scale", "accuracy=0.01",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("header", "offered"),
    [
        ("checkpoint,eval_bleu,eval_gen_len", "--columns pretrain_tokens=checkpoint"),
        ("Training tokens (T),bleu,ARC", "--columns 'pretrain_tokens=Training tokens (T)'"),
        ("epoch,valid_num_updates,valid_nll_loss", "--columns pretrain_tokens=valid_num_updates"),
        ("tokens_per_param,N,loss", None),
    ],
)
def test_sizes_are_known_by_their_nouns(written: Written, header: str, offered: str | None) -> None:
    rows = (
        "checkpoint-500,20,30\ncheckpoint-900,21,31\n" if "checkpoint" in header else "1,2000,30\n2,3000,31\n"
    )
    options = asked(written(f"{header}\n{rows}")).problems[0].options
    assert options[:1] == ((offered,) if offered else ())


def test_the_likeliest_of_several_columns_is_offered_first(written: Written) -> None:
    keras = written("epoch,loss,val_loss,accuracy,val_accuracy\n1,3,3,.3,.3\n2,2,2.5,.4,.35\n")
    assert (
        asked(keras, "--columns pretrain_tokens=epoch").problems[0].options[0]
        == "--columns accuracy=val_accuracy"
    )
    fairseq = written("tokens,valid_loss,valid_nll_loss\n1,5,3\n2,4.5,2.7\n")
    assert asked(fairseq, TOKENS).problems[0].options[0] == "--columns cross_entropy=valid_nll_loss"


def test_single_precision_keeps_its_digits() -> None:
    frame = pd.DataFrame({"pretrain_tokens": [1e6, 2e6], "bleu": [20.1, 21.3]}).astype({"bleu": "float32"})
    assert values(read_metrics(frame)) == [20.1, 21.3]


@pytest.mark.parametrize(
    "column", ["spread", "percent", "written", "row", "line", "value_column", "high", "count", "a,b"]
)
def test_a_column_of_any_name_is_told_apart(written: Written, column: str) -> None:
    rows = "x,1M,3\ny,2M,3.5\ny,4M,3.1\nx,8M,2.5\n"
    path = written(f'"{column}",tokens,loss\n{rows}')
    (problem,) = asked(path, TOKENS).problems
    assert (problem.rule, problem.column) == ("told-apart", column)
    for way in problem.options:
        assert len(door(path, f"{TOKENS} {way}").frame) in (2, 4)


def test_a_value_with_a_bar_can_be_chosen(written: Written) -> None:
    path = written('metric;tokens;value\nbleu;1M;3\nbleu;2M;4\n"x|y";1M;3\n', "m.csv")
    assert asked(path, TOKENS).accepted == (*TOKENS.split(), "--where", "metric!=x|y")


@pytest.mark.parametrize("wrong", [{"scale": {"bleu": "100"}}, {"tokens_per_step": "2M"}])
def test_factors_are_numbers(written: Written, wrong: dict[str, Any]) -> None:
    from bayesscale.errors import UsageError

    with pytest.raises(UsageError, match="numbers above 0; received '"):
        read_metrics(written("pretrain_tokens,bleu\n1,20\n2,21\n"), **wrong)


@pytest.mark.parametrize(
    ("text", "size", "value"),
    [
        ('tokens,bleu\n1M,"BLEU = 20.5 55.1/26.1/14.1/8.1 (BP = 1.000)"\n', 1e6, 20.5),
        ("tokens,bleu\n'1000,20.5\n", 1000, 20.5),
        ("tokens,BLEU|nrefs:1|case:mixed|tok:13a\n1M,20.5\n", 1e6, 20.5),
        ("tokens,bleu (mean±std)\n1M,20.5±.3\n", 1e6, 20.5),
        ("tokens,eval/bleu (last)\n1M,20.5\n", 1e6, 20.5),
        ("   tokens  bleu\n0  1000  20.5\n", 1000, 20.5),
        ("| tokens | bleu |\n|---|---|\n| 1M | <u>20.5</u><sup>a</sup> |\n", 1e6, 20.5),
        ("{'tokens': 1000, 'bleu': 20.5}\n", 1000, 20.5),
        ("tokens=1,000 bleu=20.5\n", 1000, 20.5),
    ],
)
def test_more_ways_to_write_a_score(written: Written, text: str, size: float, value: float) -> None:
    *_, last = text.splitlines(keepends=True)
    again = last.replace("1M", "8M").replace("1000", "8000").replace("1,000", "8,000")
    path = written(f"{text}{again.replace('0  8', '1  8')}")
    read = door(path, TOKENS)
    assert (sizes(read), values(read)) == ([size, 8 * size], [value, value])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tokens,bleu\n(billions),(points)\n1,20\n2,21\n", "a row of units"),
        ("tokens,bleu\n1M,20-Jan\n2M,21\n4M,22\n", "made a date"),
        ("tokens,bleu\n1M,\"[20, 21]\"\n2M,\"[22, 23]\"\n", "no cell of it is a number"),
        ("Results,,\ntokens,bleu,chrf\n1M,20,40\n2M,21,41\n", "if this is a title"),
        ("a | epoch 1 | loss 5.5 | bleu 12.5\nb | epoch 2 | loss 5.4 | bleu 12.6\n", "is a log"),
        ("step 0: train loss 10.5, val loss 10.5\nstep 9: train loss 4.5, val loss 4.6\n", "is a log"),
        ("tokens,loss reduction\n1M,12%\n2M,13%\n", "not the model's own"),
        ("bleu,chrf\n20,40\n21,41\n", "no column seems to hold sizes"),
        ("{'tokens': 1, 'bleu': nan}\n{'tokens': 2, 'bleu': 3}\n", "print it by json.dumps"),
    ],
)  # fmt: skip
def test_what_no_option_settles_is_said(written: Written, text: str, says: str) -> None:
    error = asked(written(text, "m.txt"), TOKENS if "tokens," in text.splitlines()[0] else "")
    assert says in str(error)
    assert error.accepted is None


def test_a_table_with_sizes_as_columns_may_name_its_metrics_in_any_column(written: Written) -> None:
    for head in ("metric", "tokens"):
        error = asked(written(f"{head},1M,2M\nbleu,20,21\nchrf,40,42\n"))
        assert error.accepted is not None
        read = door(written(f"{head},1M,2M\nbleu,20,21\nchrf,40,42\n"), " ".join(error.accepted))
        assert (sizes(read), values(read)) == ([1e6, 1e6, 2e6, 2e6], [20, 40, 21, 42])


def test_a_mean_among_seeds_is_noted(written: Written) -> None:
    read = door(written("tokens,seed,bleu\n1M,1,20\n1M,mean,21\n2M,1,22\n2M,mean,23\n"), TOKENS)
    assert any("--where 'seed!=mean'" in note for note in read.notes)


def test_scores_of_another_signature_can_be_left_out(written: Written) -> None:
    path = written("tokens,bleu,signature\n1M,20,tok:13a\n2M,21,tok:13a\n4M,22,tok:zh\n")
    assert asked(path, TOKENS).accepted == (*TOKENS.split(), "--where", "signature!=tok:zh")
