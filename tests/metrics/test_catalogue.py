from __future__ import annotations

import math

import pytest

from bayesscale.errors import UsageError
from bayesscale.laws import LAWS
from bayesscale.metrics.catalogue import CATALOGUE, MetricSpec, declared_metric, find_metric

SPECS = list(CATALOGUE.values())


def test_the_metrics_of_the_paper_and_their_peers_are_there() -> None:
    assert set(CATALOGUE) >= {
        "bleu",
        "spbleu",
        "chrf",
        "chrfpp",
        "rouge1",
        "rouge2",
        "rougel",
        "comet",
        "accuracy",
        "exact_match",
        "f1",
        "cross_entropy",
        "bits_per_byte",
        "perplexity",
        "error_rate",
        "ter",
    }


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_each_metric_agrees_with_its_law(spec: MetricSpec) -> None:
    assert LAWS[spec.law].improves == spec.improves


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_prior_guesses_are_possible_values(spec: MetricSpec) -> None:
    assert spec.low < spec.typical < spec.high
    # One run's noise moves a typical value by percents, not by halves.
    assert 0 < spec.noise < 0.05 * spec.typical


def test_names_and_aliases_are_unique() -> None:
    names = [name for spec in SPECS for name in (spec.name, *spec.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("bleu", "bleu"),
        ("BLEU", "bleu"),
        (" Bleu ", "bleu"),
        ("chrF2", "chrf"),
        ("chrF++", "chrfpp"),
        ("ROUGE-L", "rougel"),
        ("Cross-Entropy", "cross_entropy"),
        ("cross entropy", "cross_entropy"),
        ("CE", "cross_entropy"),
        ("loss", "cross_entropy"),
        ("log_perplexity", "cross_entropy"),
        ("nll", "cross_entropy"),
        ("TER", "ter"),
    ],
)
def test_find_metric(name: str, metric: str) -> None:
    found = find_metric(name)
    assert found is not None
    assert found.name == metric


@pytest.mark.parametrize(
    "name", ["", "blue", "bleurts", "val", "bleu_se", "bleu1", "wmt20_comet_da", "rouge3", "chrf3"]
)
def test_what_is_no_metric_is_not_found(name: str) -> None:
    assert find_metric(name) is None


def test_ranges() -> None:
    shares = {spec.name for spec in SPECS if spec.unit == "fraction"}
    assert {"accuracy", "acc_norm", "exact_match", "f1", "error_rate", "pass@1", "win_rate"} <= shares
    assert {CATALOGUE[name].high for name in shares} == {1}
    assert CATALOGUE["perplexity"].low == 1
    assert CATALOGUE["cross_entropy"].high == math.inf
    assert (CATALOGUE["metricx"].improves, CATALOGUE["metricx"].high) == ("down", 25)


def test_a_declared_metric_is_known_by_its_name_alone() -> None:
    spec = declared_metric("reward", "up, 0, 10")
    assert spec.name == "reward[up,0,10]"
    assert CATALOGUE[spec.name] == find_metric(spec.name) == spec
    assert spec.name in CATALOGUE
    assert (spec.improves, spec.law, spec.low, spec.high, spec.typical) == ("up", "log-law", 0, 10, 5)
    assert declared_metric("time", "down,0,inf,3.5").typical == 3.5
    assert "reward" not in CATALOGUE
    with pytest.raises(KeyError):
        CATALOGUE["reward"]


@pytest.mark.parametrize(
    "text",
    ["", "up", "up,0", "over,0,1", "up,1,0", "up,-1,1", "up,0,inf", "up,0,1,2", "up,a,b", "up,0,1,0.5,1"],
)
def test_declarations_that_cannot_be_used(text: str) -> None:
    with pytest.raises(UsageError, match="NAME=up,LOW,HIGH"):
        declared_metric("x", text)
