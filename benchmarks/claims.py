"""What Isik et al. claim, asked of the bundled grid on synthetic languages.

Each claim is put as a question to the fit that `bayesscale fit --example synthetic-languages` makes. A claim
is called supported if the probability that the program gives is at least .95, not supported if it is at most
.05, and 'cannot be told here' otherwise, or where the grid has nothing that could tell. Where a claim is of
several curves, the least probable of them decides; where it is of some curve, the most probable one.

Forecasts of held-out sizes are in the same document, see `benchmarks.held_out`.

Run: python -m benchmarks.claims [FIT.nc]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from bayesscale.inference import Fit, fit, load, save
from bayesscale.metrics.examples import example_path
from bayesscale.metrics.read import read_metrics
from bayesscale.pointfit import fit_huber
from bayesscale.questions.breaks import breaks
from bayesscale.questions.conflict import conflict
from bayesscale.questions.rank import rank
from bayesscale.questions.select import Selection, drawn_curves
from bayesscale.questions.value import value
from bayesscale.questions.value.lines import lines
from benchmarks.bundle import NAME
from benchmarks.held_out import held_out
from benchmarks.store import ROWS, publish, say

ALIGNED, MISLEADING = "50ka+50lo", "50ka+50fo"
SURE, NOT = 0.95, 0.05
SUPPORTED, REFUTED, OPEN = "supported", "not supported", "cannot be told here"
PAPER_ERROR = 0.061
"""The largest held-out Huber loss of BLEU that the paper reports for aligned mixtures."""


@dataclass(frozen=True)
class Claim:
    """A claim and what the fit says of it.

    Parameters
    ----------
    claim : str
        What the paper says.
    question : str
        The command that asks.
    event : str
        What the probability is of.
    probability : float or None
        As the program gives it; None where it gives none.
    told : list of str
        What else the answer says.
    verdict : str
        One of `SUPPORTED`, `REFUTED`, `OPEN`.
    """

    claim: str
    question: str
    event: str
    probability: float | None
    told: list[str] = field(default_factory=list)
    verdict: str = ""

    def judged(self) -> Claim:
        """Return the claim with its verdict, where it has none yet."""
        p = self.probability
        found = OPEN if p is None else SUPPORTED if p >= SURE else REFUTED if p <= NOT else OPEN
        return Claim(**{**asdict(self), "verdict": self.verdict or found})


def main(arguments: list[str]) -> None:
    """Fit the example (or load its fit), ask, forecast, and write results/claims.json."""
    table = example_path(NAME)
    if arguments:
        fitted = load(arguments[0])
    else:
        fitted = fit(table, report=lambda line: say(f"  {line}"), command=f"bayesscale fit --example {NAME}")
        path = ROWS / "claims.nc"
        path.parent.mkdir(parents=True, exist_ok=True)
        save(fitted, path, force=True)
    found = [asdict(claim.judged()) for claim in claims(fitted, table)]
    own = fitted.provenance["diagnostics"]
    document = {
        "example": NAME,
        "command": f"bayesscale fit --example {NAME} -o fit.nc",
        "seeds": sorted(map(int, fitted.metrics.frame["seed"].unique())),
        "curves": len(fitted.curves),
        "scores": len(fitted.metrics.frame),
        "status": str(fitted.status),
        "R-hat": round(own["rhat"], 4),
        "ESS": round(own["ess_bulk"]),
        "sure": SURE,
        "claims": found,
        "rates": rates(table.with_suffix(".models.csv")),
    }
    publish("claims", document)
    for claim in found:
        say(f"{claim['verdict']}: {claim['claim']} P = {claim['probability']}")
    publish("claims", document | held_out(fitted.metrics, say))


def rates(path: Path) -> dict[str, int]:
    """Return how many models chose a rate at an edge, how many saw each D_f once, and how many there are.

    Parameters
    ----------
    path : Path
        The row a model of the example.
    """
    models = pd.read_csv(path)
    return {
        "models": len(models),
        "at an edge": int(models["rate_warning"].notna().sum()),
        "less than an epoch": int((models["epochs"] < 1).sum()),
        "on the plateau": int(models["on_plateau"].eq(True).sum()),
    }


def claims(fitted: Fit, table: Path) -> Iterator[Claim]:
    """Yield the claims, in the order of the paper.

    Parameters
    ----------
    fitted : Fit
        The fit of the example.
    table : Path
        The example.
    """
    yield from _laws(fitted, table)
    yield from _gains(fitted)
    yield from _breaks(fitted)
    yield from _order(fitted)
    yield from _losses(fitted)
    yield from _elsewhere(table)


def _laws(fitted: Fit, table: Path) -> Iterator[Claim]:
    """Ask whether the laws fit aligned mixtures."""
    answer = breaks(fitted, mixtures=[ALIGNED], metrics=["bleu"])
    yield Claim(
        "With an aligned mixture the law of BLEU holds.",
        f"bayesscale breaks fit.nc --mixture {ALIGNED} --metric bleu",
        "no break by the last checkpoint, on the curve (D_f) where a break is most probable",
        1 - float(answer.table["p_broken"].max()),
        answer.headline(),
    )
    rows = fit_huber(read_metrics(table)).frame()
    rows = rows[(rows["mixture"] == ALIGNED) & (rows["metric"] == "bleu")]
    worst = float(rows["held_out_loss"].max())
    yield Claim(
        f"The paper's fit to the first four checkpoints errs by at most {PAPER_ERROR} on the others.",
        f"bayesscale fit --example {NAME} --method huber --first 4",
        "held-out Huber loss of BLEU, aligned mixture, largest over D_f (an error, not a probability)",
        None,
        [f"the largest of {len(rows)} D_f is {worst:.3g}"],
        SUPPORTED if worst <= PAPER_ERROR else REFUTED,
    )


def _gains(fitted: Fit) -> Iterator[Claim]:
    """Ask what pretraining gains, by D_f."""
    ask = f"bayesscale value fit.nc --metric bleu --mixture {ALIGNED}"
    plain = value(fitted, delta=0.0, mixtures=[ALIGNED], metrics=["bleu"])
    rows = plain.table.sort_values("finetune_tokens")
    yield Claim(
        "Pretraining on an aligned mixture helps where D_f is small.",
        f"{ask} --delta 0",
        "a gain in BLEU over the model that was not pretrained, at the smallest D_f and the last checkpoint",
        float(rows["p_gain"].iloc[0]),
        [_gain(row) for _, row in rows.iterrows()],
    )
    drawn, _ = drawn_curves(fitted, Selection(mixtures=[ALIGNED]), None)
    (line,) = lines(drawn, None)
    place = fitted.curves.names.index("bleu")
    gain = line.draws(place)[2][line.asked]
    yield Claim(
        "It helps most where D_f is small.",
        f"{ask} (from the draws behind it)",
        "the gain at the smallest D_f is larger than that at the largest",
        float((gain[0] > gain[-1]).mean()),
    )
    usual = value(fitted, metrics=["bleu"])
    largest = usual.table[usual.table["finetune_tokens"] == usual.table["finetune_tokens"].max()]
    yield Claim(
        "At the largest D_f pretraining is not worth it.",
        "bayesscale value fit.nc --metric bleu",
        f"a gain of at most {largest['delta'].iloc[0]:g} BLEU at the largest D_f, with whatever mixture",
        1 - float(largest["p_gain"].max()),
        [_gain(row) for _, row in largest.iterrows()],
    )


def _gain(row: pd.Series) -> str:
    """Return a gain in words."""
    return (
        f"{row['mixture']}, D_f {row['finetune_tokens']:,.0f}: BLEU {row['baseline_median']:.1f} without, "
        f"gain {row['gain_median']:.1f} ({row['gain_lower']:.1f} to {row['gain_upper']:.1f})"
    )


def _breaks(fitted: Fit) -> Iterator[Claim]:
    """Ask whether misaligned mixtures break."""
    every = breaks(fitted, metrics=["bleu"])
    rows = every.table[every.table["mixture"] != ALIGNED].sort_values("p_broken", ascending=False)
    worst = rows.iloc[0]
    yield Claim(
        "A misaligned mixture breaks in BLEU: past some D_p the score stalls or falls.",
        "bayesscale breaks fit.nc --metric bleu",
        f"a break on the curve where it is most probable, {worst['mixture']} at D_f "
        f"{worst['finetune_tokens']:,.0f}",
        float(worst["p_broken"]),
        every.headline(),
    )
    answer = conflict(fitted, by="checkpoints", metrics=["bleu"])
    pairs = answer.table[answer.table["mixture_a"] != ALIGNED]
    yield Claim(
        "There cross-entropy goes on improving.",
        "bayesscale conflict fit.nc --by checkpoints --metric bleu",
        "BLEU falls and cross-entropy improves from one checkpoint to the next, at the most probable step",
        float(pairs["p_conflict"].max()),
        answer.headline(),
    )
    broken = rows[rows["p_broken"] >= SURE]
    yield (
        Claim(
            "The broken mixtures are those with the lowest BLEU.",
            "bayesscale breaks fit.nc and rank fit.nc",
            "needs a mixture that broke for sure",
            None,
            [f"{len(broken)} of {len(rows)} misaligned curves are broken with P {SURE:g} or more"],
        )
        if broken.empty
        else _lowest(fitted, set(broken["mixture"]))
    )


def _lowest(fitted: Fit, broken: set[str]) -> Claim:
    """Return the claim on the lowest mixtures where some broke."""
    table = rank(fitted, [_last(fitted)], metrics=["bleu"]).table
    lowest = table.groupby("finetune_tokens").tail(1)["mixture"].tolist()
    held = sum(mixture in broken for mixture in lowest)
    return Claim(
        "The broken mixtures are those with the lowest BLEU.",
        f"bayesscale rank fit.nc --tokens {_last(fitted):.0f} --metric bleu",
        "how many D_f have a broken mixture as the last of the ranking (a count, not a probability)",
        None,
        [f"broken: {', '.join(sorted(broken))}; lowest by D_f: {', '.join(lowest)}"],
        SUPPORTED if held == len(lowest) else REFUTED if held == 0 else OPEN,
    )


def _last(fitted: Fit) -> float:
    """Return the largest D_p."""
    return float(fitted.metrics.frame["pretrain_tokens"].max())


def _order(fitted: Fit) -> Iterator[Claim]:
    """Compare the aligned mixture with the one whose words mean something else."""
    pairs = rank(fitted, [_last(fitted)], metrics=["bleu"]).pair_frame()
    ours = pairs[(pairs["mixture"] == ALIGNED) & (pairs["than"] == MISLEADING)].sort_values("finetune_tokens")
    yield Claim(
        "What a mixture is worth depends on its alignment: false friends are worth less than true ones.",
        f"bayesscale rank fit.nc --tokens {_last(fitted):.0f} --metric bleu",
        f"{ALIGNED} is better than {MISLEADING} at the smallest D_f and the last checkpoint",
        float(ours["p_better"].iloc[0]),
        [f"D_f {row['finetune_tokens']:,.0f}: P {row['p_better']:.3f}" for _, row in ours.iterrows()],
    )


def _losses(fitted: Fit) -> Iterator[Claim]:
    """Ask what cross-entropy would have chosen, and whether the exponential link holds."""
    answer = conflict(fitted, by="mixtures", metrics=["bleu"])
    yield Claim(
        "By cross-entropy one would choose another mixture than by BLEU.",
        "bayesscale conflict fit.nc --by mixtures --metric bleu",
        "the two disagree on which of two mixtures is better, for the pair where that is most probable",
        float(answer.table["p_conflict"].max()),
        answer.headline(),
    )
    links = answer.links.sort_values("p_holds")
    pooled = links[links["pooled"]]
    yield Claim(
        "The link BLEU = C exp(-k cross-entropy) of Gordon et al. fails where mixtures are misaligned.",
        "bayesscale conflict fit.nc --metric bleu",
        "the link does not hold at the D_f where that is most probable",
        1 - float(links.loc[~links["pooled"].astype(bool), "p_holds"].min()),
        [f"D_f {row['finetune_tokens']:,.0f}: P(holds) {row['p_holds']:.3f}, explains "
         f"{row['explained']:.0%} of the variance of log BLEU"
         for _, row in links[~links["pooled"].astype(bool)].iterrows()]
        + [f"all D_f together: P(holds) {row['p_holds']:.3f}" for _, row in pooled.iterrows()],
    )  # fmt: skip


def _elsewhere(table: Path) -> Iterator[Claim]:
    """Yield what this grid can say little or nothing of."""
    penalty = pd.read_csv(table.with_suffix(".models.csv"))["brevity_penalty"]
    share = float(np.mean(penalty >= 0.99))
    yield Claim(
        "The brevity penalty is 1 throughout: what changes is the precision of n-grams.",
        f"the column brevity_penalty of {NAME}.models.csv",
        "share of all models with a brevity penalty of at least .99 (a share, not a probability)",
        None,
        [f"{share:.1%} of {len(penalty)} models; the smallest is {penalty.min():.3f}"],
        SUPPORTED if share >= SURE else REFUTED,
    )
    for claim, why in (
        ("COMET shows the same as BLEU.", "no COMET exists for synthetic languages"),
        ("A smaller model repeats it.", "the grid has one size of model"),
        ("The log-law also fits SuperGLUE.", "the grid has one task, translation"),
    ):
        yield Claim(claim, "none", why, None)


if __name__ == "__main__":
    main(sys.argv[1:])
