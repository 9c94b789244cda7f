"""What a refusal suggests is open, and is never another quantity."""

from __future__ import annotations

import json

import pytest

from bayesscale.errors import UsageError
from bayesscale.metrics.guide import way_on
from bayesscale.metrics.names.columns import meaning, numbered
from bayesscale.metrics.names.declared import suggested_declaration
from bayesscale.metrics.names.labels import held_out
from bayesscale.metrics.names.scores import labelled_score, qualified_score, score_name
from bayesscale.metrics.options import Options
from bayesscale.metrics.problems import MetricsError, Problem
from bayesscale.metrics.sources.paths import ways_from_paths
from tests.metrics.doors import TOKENS, Written, asked, door, sizes, values


@pytest.mark.parametrize(
    "name",
    [
        "BLEU gain",
        "1-acc",
        "not_acc",
        "nll_sum",
        "log2 loss",
        "acc_norm@5",
        "bleu_2",
        "mmlu acc 5",
        "recall 5",
    ],
)
def test_what_alters_a_metric_is_no_label(name: str) -> None:
    assert score_name(name) is None
    assert labelled_score(name) is None


@pytest.mark.parametrize("name", ["BLEU±", "BLEU +/-", "bleu +-"])
def test_a_sign_of_a_spread_is_part_of_a_name(name: str) -> None:
    found = score_name(name)
    assert found is not None
    assert (found.metric, found.beside) == ("bleu", "other")


def test_negative_values_are_not_declared(written: Written) -> None:
    assert suggested_declaration([-1, 2]) == ""
    path = written("tokens,metric,value\n1M,reward,-1\n2M,reward,2\n1M,bleu,20\n2M,bleu,21\n")
    error = asked(path, TOKENS)
    assert "no values below 0" in error.problems[0].hint
    assert error.accepted == (*TOKENS.split(), "--where", "metric!=reward")


@pytest.mark.parametrize(
    ("metric", "value", "limit"), [("bleu", -1, ">=0"), ("bleu", 105, "<=100"), ("ppl", 0.5, ">=1")]
)
def test_values_outside_their_range_can_be_left_out(
    written: Written, metric: str, value: float, limit: str
) -> None:
    path = written(f"tokens,{metric}\n1M,{value}\n2M,21\n4M,22\n")
    assert asked(path, TOKENS).accepted == (*TOKENS.split(), "--where", f"{metric}{limit}")


def test_lists_of_one_document_are_told_apart_by_their_names(written: Written) -> None:
    web, code = ([{"tokens": n * size, "bleu": 20 + n} for n in (1, 2)] for size in (1, 3))
    lists = {"web": web, "code": code}
    path = written(json.dumps(lists), "m.json")
    error = asked(path, TOKENS)
    assert error.problems[0].options[0] == "--curve task,mixture,run"
    read = door(path, f"{TOKENS},mixture=run --where mixture=code")
    assert (sizes(read), values(read)) == ([3, 6], [21, 22])


def test_objects_named_by_a_size_are_rows(written: Written) -> None:
    path = written(json.dumps({"1000": {"bleu": 20}, "2000": {"bleu": 21}}), "m.json")
    assert sizes(door(path, "--columns pretrain_tokens=size")) == [1000, 2000]
    for names in (("1M", "2M"), ("checkpoint-1000000", "checkpoint-2000000")):
        sized = written(json.dumps({name: {"bleu": 20} for name in names}), "s.json")
        assert sizes(door(sized, "--columns pretrain_tokens=size")) == [1e6, 2e6]
    index = {"0": {"tokens": 5, "bleu": 20}, "1": {"tokens": 7, "bleu": 21}}
    assert sizes(door(written(json.dumps(index), "i.json"), TOKENS)) == [5, 7]


@pytest.mark.parametrize("end", ["BE", "LE"])
def test_text_in_utf_16_without_its_mark(written: Written, end: str) -> None:
    path = written("tokens,bleu\n1,2\n3,4\n".encode(f"utf-16-{end}"))
    assert f"iconv -f UTF-16{end} " in asked(path).problems[0].hint


def test_a_title_above_the_header_is_one_problem(written: Written) -> None:
    (problem,) = asked(written("Results\ntokens,bleu\n1,20\n2,21\n")).problems
    assert (problem.line, problem.rule, problem.value) == (1, "header", "Results")
    assert "delete the line" in problem.hint


def test_sizes_that_cannot_be_read_are_one_problem(written: Written) -> None:
    error = asked(written("tokens,bleu\nsmall,20\nlarge,21\n"), TOKENS)
    assert {problem.rule for problem in error.problems} == {"number"}


def test_a_column_of_counts_can_be_named(written: Written) -> None:
    path = written("tokens,bleu,std,seeds\n1M,20,1.5,9\n2M,21,2,4\n")
    assert list(door(path, f"{TOKENS},n=seeds").frame["se"]) == [0.5, 1.0]


def test_points_between_thousands_are_sizes_all_the_same(written: Written) -> None:
    path = written("D;bleu;epoch\n1.000.000;20,5;1\n2.000.000;21,5;2\n")
    assert asked(path).problems[0].options[0] == "--columns pretrain_tokens=D"


@pytest.mark.parametrize("name", ["ce_gen", "eval nll", "gpt ppl", "char_err", "bits", "acc_drop", "L"])
def test_what_falls_is_declared_to_fall(name: str) -> None:
    assert suggested_declaration([30.0, 200.0], name).startswith("down,0,inf,")


def test_shares_and_benchmarks_are_declared_by_their_names() -> None:
    assert suggested_declaration([0.1, 0.2], "parse_err") == "down,0,1"
    assert suggested_declaration([10, 20], "drop") == "up,0,100"
    assert suggested_declaration([0, 0, 200], "loss") == "down,0,inf,2e+02"


def test_a_letter_for_the_loss_is_offered_beside_n_and_d(written: Written) -> None:
    path = written("N,D,L\n1M,1B,3.9\n1M,2B,3.6\n5M,1B,3.2\n5M,2B,3\n")
    error = asked(path, "--columns pretrain_tokens=D,model_params=N")
    assert "--columns cross_entropy=L" in error.problems[0].hint
    assert error.accepted is not None
    assert "pretrain_tokens=D,model_params=N,cross_entropy=L" in error.accepted


def test_log_likelihoods_are_to_change_their_sign(written: Written) -> None:
    (problem,) = asked(written("tokens,val_logprob\n1M,-4\n2M,-3\n"), TOKENS).problems
    assert "flip the sign" in problem.hint


@pytest.mark.parametrize(
    "name",
    ["excess_nll", "ppl gap", "predicted_loss", "chrf vs human", "baseline chrF", "oracle/acc", "random_f1",
     "comet_p_value", "kl_nll", "router_loss", "zero_one_loss", "0-1 loss", "hinge loss", "kd_loss", "f1_z",
     "loss_per_word", "ce_per_char"],
)  # fmt: skip
def test_a_qualified_score_is_not_the_models_own(written: Written, name: str) -> None:
    assert score_name(name) is None
    assert labelled_score(name) is None
    assert qualified_score(name) is not None
    alone = asked(written(f"tokens,{name}\n1M,1.5\n2M,1.2\n"), TOKENS)
    assert alone.accepted is None
    assert "not the model's own" in alone.problems[0].hint
    read = door(written(f"tokens,spbleu,{name}\n1M,20,1.5\n2M,21,1.2\n"), TOKENS)
    assert (list(read.metrics), values(read)) == (["spbleu"], [20, 21])
    assert any("not read, unless it is named" in note for note in read.notes)
    assert "--melt" not in "".join(read.notes)


def test_labels_that_look_like_qualifiers_are_labels() -> None:
    assert labelled_score("D bleu") == ("D", "bleu")
    assert labelled_score("en-kl bleu") == ("en-kl", "bleu")
    assert score_name("nll_per_token") is not None


@pytest.mark.parametrize(("first", "second"), [("run1 chrf", "run2 chrf"), ("chrf_seed3", "chrf_seed4")])
def test_replicates_in_columns_are_melted_as_seeds(written: Written, first: str, second: str) -> None:
    error = asked(written(f"tokens,{first},{second}\n1M,40,41\n2M,43,44\n"), TOKENS)
    assert error.accepted == (*TOKENS.split(), "--melt", "seed")


def test_numbers_in_columns_say_of_what(written: Written) -> None:
    assert numbered(["rep 1", "rep 2"]) == "seed"
    assert numbered(["wd=0.1", "wd=1e-2"]) == "wd"
    assert numbered(["d1", "d2"]) == numbered(["seed1", "lr2"]) == numbered(["a", "b"]) == ""
    for name, way in (("wd=0.", "wd=METRIC"), ("seed", "seed=METRIC"), ("iter_", "pretrain_tokens=METRIC")):
        error = asked(written(f"tokens,{name}1,{name}3\n1M,40,41\n2M,43,44\n"), TOKENS)
        assert f"--melt {way}" in error.problems[0].hint or name == "iter_"
    error = asked(written("task,ckpt-100,ckpt-300\na,40,41\nb,43,44\n"))
    hints = " ".join(problem.hint for problem in error.problems)
    assert "--melt pretrain_tokens=METRIC" in hints
    assert "pretrain_tokens=ckpt" not in hints


def test_shots_are_labels_and_complements_are_not() -> None:
    assert labelled_score("1-shot f1") == ("1-shot", "f1")
    assert labelled_score("acc (5-shot)") == labelled_score("acc 5-shot") == ("5-shot", "acc")
    assert labelled_score("1 - f1") is labelled_score("en 1-f1") is None


def test_columns_that_are_no_sizes_or_settings() -> None:
    assert {meaning(name) for name in ("CER (other)", "acc vs gpt (%)", "Stderr", "version")} == {
        "score", "passes", "setting"
    }  # fmt: skip
    assert {meaning(name) for name in ("mfu", "TFLOPs", "throughput", "tokens_per_sec")} == {"passes"}


def test_runs_that_came_to_their_end_are_offered_first(written: Written) -> None:
    assert held_out(["FAILED", "COMPLETED"]) == "COMPLETED"
    assert held_out(["ok", "done"]) is held_out(["crashed", "running"]) is None
    path = written("tokens,status,bleu\n1M,completed,20\n2M,failed,3\n4M,completed,22\n")
    assert asked(path, TOKENS).accepted == (*TOKENS.split(), "--where", "status=completed")


@pytest.mark.parametrize(
    "name", ["delta_bleu", "BLEU diff", "ΔBLEU", "bleu_improvement", "1 - acc", "bleu_std"]
)
def test_a_lone_difference_is_refused_with_the_reason(written: Written, name: str) -> None:
    error = asked(written(f"tokens,{name}\n1M,.5\n2M,.25\n"), TOKENS)
    (problem,) = error.problems
    assert "not the model's own" in problem.hint
    assert error.accepted is None
    assert len(door(written(f"tokens,bleu,{name}\n1M,20,2\n2M,21,3\n"), TOKENS).metrics) == 1


def test_a_complement_is_declared_to_fall_and_never_named_as_what_it_is_of(written: Written) -> None:
    hint = asked(written("tokens,1-acc\n1M,.5\n2M,.25\n"), TOKENS).problems[0].hint
    assert "--columns error_rate=1-acc" in hint
    assert "--metric 1-acc=down,0," in hint
    assert suggested_declaration([0.1, 0.2], "1 - wer").startswith("up,")
    read = door(written("tokens,bleu,1-f1\n1M,20,.5\n2M,21,.4\n"), TOKENS)
    assert "--columns f1" not in "".join(read.notes)


def test_cross_validation_beside_training_is_no_task(written: Written) -> None:
    path = written("tokens,tr_loss,cv_loss\n1M,3.1,3.3\n2M,2.7,3\n")
    assert asked(path, TOKENS).accepted == ("--columns", "pretrain_tokens=tokens,cross_entropy=cv_loss")
    read = door(path, f"{TOKENS},cross_entropy=cv_loss")
    assert (values(read), read.notes) == ([3.3, 3], ("columns not read: 'tr_loss'",))
    languages = written("tokens,tr_loss,de_loss\n1M,3.1,3.3\n2M,2.7,3\n")
    assert asked(languages, TOKENS).accepted == (*TOKENS.split(), "--melt", "task")


def test_scores_that_recur_make_no_curves(written: Written) -> None:
    rows = "1M,3,3.4,.3,30\n1M,3.1,3.3,.2,31\n2M,2.9,3.4,.3,30\n2M,2.8,3.3,.2,31\n"
    error = asked(written(f"tokens,val_loss,val_loss_step,distinct-2,bleu_2\n{rows}"), TOKENS)
    assert "--curve" not in str(error)


def test_an_unknown_loss_of_a_long_table_is_declared_to_fall(written: Written) -> None:
    rows = "1M,bleu,20\n2M,bleu,21\n1M,{0},3\n2M,{0},2.5\n"
    loss, score = (
        asked(written(f"tokens,metric,value\n{rows.format(name)}"), TOKENS).problems[0]
        for name in ("router_balance_loss", "reward")
    )
    assert "--metric router_balance_loss=down,0,inf,3" in loss.hint
    assert "(or down)" not in loss.hint
    alone = asked(written("tokens,metric,value\n1M,reward,3\n2M,reward,4\n", "alone.csv"), TOKENS)
    assert "--where" not in str(alone)
    assert "(or down)" in score.hint


def test_a_condition_that_leaves_no_row_is_not_offered(written: Written) -> None:
    error = asked(written("tokens,loss\n1M,-3\n2M,-2.5\n"), TOKENS)
    assert "--where" not in str(error)
    one = asked(written("tokens,loss\n1M,-3\n2M,2.5\n4M,2\n"), TOKENS)
    assert one.accepted == (*TOKENS.split(), "--where", "loss>=0")


@pytest.mark.parametrize(
    ("columns", "way", "count"),
    [
        ("bleu,bleu_seed1,bleu_seed2", "--melt seed --ignore bleu", 4),
        ("loss,en-de BLEU,en-fr BLEU", "--melt task", 6),
    ],
)
def test_what_is_offered_for_columns_beside_a_metric_works(
    written: Written, columns: str, way: str, count: int
) -> None:
    path = written(f"tokens,{columns}\n1M,10,9,11\n2M,12,11,13\n")
    assert any(f"{way} reads them" in note for note in door(path, TOKENS).notes)
    assert len(door(path, f"{TOKENS} {way}").frame) == count


def test_seeds_beside_a_column_of_seeds_are_not_offered(written: Written) -> None:
    path = written("tokens,seed,bleu,bleu_seed1,bleu_seed2\n1M,1,20,19,21\n2M,1,22,21,23\n")
    assert "--melt" not in "".join(door(path, TOKENS).notes)


def test_the_search_is_bounded_and_says_so() -> None:
    options = ("--decimal .", "--decimal ,", "--duplicates last")
    error = MetricsError("m.csv", [Problem(None, None, "number", None, "", options)])

    def refuse(changed: Options) -> None:
        raise error

    assert way_on(refuse, Options(), error, (9, 9)) == (None, True)
    assert way_on(refuse, Options(), error, (9, 9000)) == (None, False)
    assert "among the few that were tried" in str(MetricsError("m.csv", error.problems, all_tried=False))


@pytest.mark.parametrize(
    ("text", "options", "accepted"),
    [
        ("D;bleu\n500;9.1\n1.000;12.1\n12.500;19.2\n", "D", None),
        ("D;bleu\n500;9,1\n1,500;12,1\n12,500;19,2\n", "D", None),
        ("D,bleu\n500,9\n1.500,12\n12.500,19\n", "D", "--decimal ,"),
        ('D,val_ppl\n1M,"2,310"\n2M,"1,120"\n4M,980\n', "D", "--decimal ."),
        ("Model size,D,Loss\n70M,1.4B,3.7\n1B,20B,2.5\n", "D", None),
    ],
)
def test_what_is_offered_is_what_is_meant(
    written: Written, text: str, options: str, accepted: str | None
) -> None:
    way = f"--columns pretrain_tokens={options}"
    error = asked(written(text), way)
    assert error.accepted == (None if accepted is None else (*way.split(), *accepted.split()))


def test_a_column_that_says_the_metric_is_believed(written: Written) -> None:
    path = written("dataset,metric,step1000,step2000\npiqa,accuracy,.5511,.572\narc,accuracy,.30,.33\n")
    way = "--melt pretrain_tokens=value"
    assert f"{way}" in " ".join(asked(path).accepted or ())
    with pytest.raises(UsageError, match="contradicts"):
        door(path, "--melt pretrain_tokens=bleu")


def test_patterns_are_made_from_the_paths() -> None:
    def ways(*paths: str) -> str:
        return ways_from_paths(paths, "pretrain_tokens", "pretrain_steps")

    assert ways("10k.json", "20k.json") == "--from-path '{pretrain_tokens}'"
    assert "'step{pretrain_steps}' --tokens" in ways("a-410m-step1000.json", "a-410m-step2000.json")
    assert "'iter_{pretrain_steps}' --tokens" in ways("iter_0001/r.json", "iter_0002/r.json")
