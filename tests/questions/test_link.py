from __future__ import annotations

import numpy as np
import pytest

from bayesscale.inference import Fit
from bayesscale.questions.conflict.ask import conflict
from bayesscale.questions.conflict.link import fit_link, loss_in_nats, verdict
from tests.questions import made_up
from tests.questions.made_up import MadeUp, rows

RNG = np.random.default_rng(11)
LOSS = RNG.uniform(1.2, 2.4, size=(30, 50))


def test_an_exact_link_is_recovered() -> None:
    c, k = RNG.uniform(30, 90, size=50), RNG.uniform(0.2, 2.0, size=50)
    found = fit_link(c * np.exp(-k * LOSS), LOSS)
    np.testing.assert_allclose(found.c, c)
    np.testing.assert_allclose(found.k, k)
    np.testing.assert_allclose(found.explained, 1.0)
    np.testing.assert_allclose(found.rms, 0.0, atol=1e-10)


def test_least_squares_on_logs_draw_by_draw() -> None:
    score = 60 * np.exp(-0.8 * LOSS + RNG.normal(scale=0.2, size=LOSS.shape))
    found = fit_link(score, LOSS)
    for draw in range(0, 50, 10):
        slope, intercept = np.polyfit(LOSS[:, draw], np.log(score[:, draw]), 1)
        np.testing.assert_allclose([found.k[draw], found.c[draw]], [-slope, np.exp(intercept)])
        correlation = np.corrcoef(LOSS[:, draw], np.log(score[:, draw]))[0, 1]
        np.testing.assert_allclose(found.explained[draw], correlation**2)
        errors = score[:, draw] - np.exp(intercept + slope * LOSS[:, draw])
        np.testing.assert_allclose(found.rms[draw], np.sqrt(np.mean(errors**2)))


def test_losses_that_are_all_the_same_explain_nothing() -> None:
    found = fit_link(np.array([[20.0], [25.0], [30.0]]), np.full((3, 1), 1.5))
    assert (found.k[0], found.explained[0]) == (0.0, 0.0)
    np.testing.assert_allclose(found.c, (20 * 25 * 30) ** (1 / 3))


def test_a_perplexity_is_taken_as_its_log() -> None:
    np.testing.assert_allclose(loss_in_nats(np.exp(LOSS), "perplexity"), LOSS)
    np.testing.assert_allclose(loss_in_nats(LOSS, "cross_entropy"), LOSS)


@pytest.mark.parametrize(
    ("holds", "positive", "text"),
    [
        (0.95, 1.0, "holds"),
        (0.5, 0.9, "undecided"),
        (0.02, 1.0, "fails"),
        (0.0, 0.01, "fails: a lower loss goes with a lower score"),
    ],
)
def test_verdicts(holds: float, positive: float, text: str) -> None:
    assert verdict(holds, positive) == text


def test_links_of_a_task_and_of_each_finetuning_size(certain: Fit) -> None:
    links = conflict(certain).links
    assert links["task"].tolist() == ["en-de"] * 3 + ["en-fr"] * 3
    assert links["pooled"].tolist() == [True, False, False] * 2
    assert links["finetune_tokens"].isna().tolist() == [True, False, False] * 2
    assert links["curves"].tolist() == [4, 2, 2] * 2
    assert links["points"].tolist() == [12, 6, 6] * 2
    assert (links["explained_lower"] <= links["explained"]).all()
    one = conflict(MadeUp(table=rows(finetune=(6e6,)), draws=10).fit()).links
    assert one["pooled"].tolist() == [False, False]


def test_a_link_that_errs_less_than_the_noise_holds() -> None:
    without, noisy = (conflict(MadeUp(draws=10, noise=noise).fit()).links for noise in (0.0, 5.0))
    np.testing.assert_allclose(without["rms"], noisy["rms"])
    assert (without["rms"] < 5.0).all()
    np.testing.assert_allclose(noisy["noise"], 5.0)
    assert set(noisy["verdict"]) == {"holds"}
    assert set(without["verdict"]) != {"holds"}


def test_the_verdict_is_said_in_words() -> None:
    lines = conflict(MadeUp(draws=10, noise=5.0).fit(), tasks=["en-fr"]).findings()
    (pooled,) = (line for line in lines if line.startswith("en-fr, all its curves: the link bleu = "))
    assert " exp(-" in pooled
    assert "cross_entropy) holds (P(holds) >0.99): it explains " in pooled
    assert pooled.endswith("BLEU points rms, where one run's noise is 5")


def test_a_loss_that_is_no_cross_entropy_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(made_up.TRUE, "error_rate", (np.log(0.3), 0.3, -0.2))
    table = rows().replace({"metric": {"cross_entropy": "error_rate"}})
    table["value"] = np.where(table["metric"] == "error_rate", 0.5, table["value"])
    notes = conflict(MadeUp(table=table, draws=10).fit()).notes
    told = "the link is known for cross-entropy; error_rate is none, and the verdict is on the formula only"
    assert told in notes
    assert not any("the link is known" in note for note in conflict(MadeUp(draws=4).fit()).notes)
