"""Write the generated parts of the documentation: evidence, the reference of options, numbers of the README.

    python docs/generate.py            writes them
    python docs/generate.py --check    says which are not what they would be (exit code 1)

Evidence comes from benchmarks/results, the reference from the commands and from answers to a made-up fit. A
test runs the check.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from docs.reference import reference_page, table  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
_MARK = re.compile(r"(<!-- generated:evidence -->\n).*?(<!-- /generated:evidence -->)", re.DOTALL)


def documents() -> dict[Path, str]:
    """Return the text of every file that is generated, whole or in part; what is not measured has none."""
    docs, readme = ROOT / "docs", ROOT / "README.md"
    evidence = {docs / "evidence" / page: write() for page, _, write in _there().values()}
    return evidence | {
        docs / "evidence" / "index.md": _index(),
        docs / "reference.md": reference_page(),
        readme: _MARK.sub(
            lambda found: found[1] + _in_short() + found[2], readme.read_text(encoding="utf-8")
        ),
    }


def _there() -> dict[str, tuple[str, str, Callable[[], str]]]:
    """Return page, what it shows, and what writes it, of the results that there are."""
    known = {
        "real_fits": ("real-curves.md", "fits of real tables at the defaults: status, seconds", _real_fits),
        "forecast": ("forecasts.md", "forecasts of held-out values: coverage, rivals", _forecasts),
        "calibration": ("calibration.md", "simulation-based calibration of model and engine", _calibration),
        "claims": ("claims.md", "the paper's claims, asked of a grid on synthetic languages", _claims),
    }
    return {name: page for name, page in known.items() if (RESULTS / f"{name}.json").exists()}


def _read(name: str) -> dict[str, Any]:
    """Return a document of results."""
    return dict(json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")))


def _made(document: Mapping[str, Any]) -> str:
    """Return what made a document of results."""
    made = document["made"]
    versions = ", ".join(f"{name} {made['versions'][name]}" for name in ("python", "pymc", "numba", "numpy"))
    return f"Made on {made['cores']} cores with {versions}. {_age(made)}\n"


def _age(made: Mapping[str, Any]) -> str:
    """Return when results were made, and by which version of model and sampler."""
    # A late import: benchmarks take seconds to import.
    from benchmarks.store import ENGINE, code_hash

    engine = made.get("engine", "")
    earlier = f"an earlier version {engine[:8]}".rstrip()
    which = "the present version" if engine == code_hash(ENGINE) else earlier
    return f"{made['created'][:10]}, by {which} of model and sampler."


def _in_short() -> str:
    """Return three numbers for the README: converged fits, intervals that held, forecasts against rivals."""
    fits, forecasts = _read("real_fits")["tables"], _read("forecast")
    converged = sum(row["status"] == "converged" for row in fits.values())
    from benchmarks.tables import TABLES

    parts = [f"{converged} of {len(fits)} real tables converge at the defaults"]
    if others := [name for name, row in fits.items() if row["status"] != "converged"]:
        parts.append(f"{', '.join(others)} does not")
    if unfinished := [name for name in TABLES if name not in fits]:
        parts.append(f"{', '.join(unfinished)} has not been fitted")
    covered, rival = (
        re.findall(r"[\d.]+%?", next(line for line in forecasts["conclusions"] if word in line))
        for word in ("90%", "rival")
    )
    values = sum(row["n"] for row in forecasts["summary"])
    ratio, better, splits = rival
    return (
        f"- 90% forecast intervals cover {covered[1]} of {values:,} values held out of real curves.\n"
        f"- Forecast errors (CRPS) are {ratio} times those of each split's best competing method; smaller on "
        f"{better} of {splits}.\n"
        f"- {'; '.join(parts)}.\n"
    )


def _index() -> str:
    """Return the page that lists the evidence."""
    lines = ["# Evidence\n", "Generated from `benchmarks/results` by `docs/generate.py`.\n", _in_short()]
    lines += [
        f"- [{page}]({page}): {what} ({_age(_read(name)['made'])[:-1]})"
        for name, (page, what, _) in _there().items()
    ]
    others = sorted({path.stem for path in RESULTS.glob("*.json")} - set(_there()))
    lines += [f"- `{name}.json`: results without a page" for name in others]
    lines += [
        "\nScripts in `benchmarks/` also check coverage, breaks and plans of measurements on simulated",
        "tables; their results are not published.\n",
    ]
    return "\n".join(lines)


def _real_fits() -> str:
    """Return the page on fits of real tables."""
    document = _read("real_fits")
    rows = [
        (name, row["curves"], row["metrics"], row["status"].split(":")[0], row["R-hat"], row["ESS"],
         row["sweeps"], row["seconds"])
        for name, row in document["tables"].items()
    ]  # fmt: skip
    told = [
        f"**{name}.** {row['status']}\n" for name, row in document["tables"].items() if ":" in row["status"]
    ]
    heads = ("table", "curves", "metrics", "status", "largest R-hat", "smallest ESS", "sweeps", "seconds")
    commands = "\n".join(f"    {row['command']}" for row in document["tables"].values())
    return "\n".join(
        [
            "# Fits of real tables at the defaults\n",
            "Curves that other people measured; the files are not part of this repository. `python -m",
            "benchmarks.real_fits` makes them. [What looks wrong](../notes.md) says more of each.\n",
            _made(document),
            table(heads, rows),
            "## What did not converge, and why\n",
            "\n".join(told),
            "## The commands\n",
            commands + "\n",
        ]
    )


def _forecasts() -> str:
    """Return the page on forecasts of held-out values."""
    document = _read("forecast")
    heads = tuple(document["summary"][0])
    rows = [[_percent(name, row.get(name)) for name in heads] for row in document["summary"]]
    splits = table(("split", "what is held out"), list(document["splits"].items()))
    return "\n".join(
        [
            "# Forecasts of held-out values\n",
            "The first part of each real curve is fitted, the rest is forecast. `python -m",
            "benchmarks.forecast` makes these figures. Ratios below 1 favour this package; their means are",
            "geometric and each split counts once. Fits are rough (4 chains of 250 draws): `converged` means",
            "here an R-hat of at most 1.05 and an effective sample size of at least 100.",
            f"Intervals are {document['interval']}.\n",
            _made(document),
            "\n".join(f"- {line}" for line in document["conclusions"]) + "\n",
            table(heads, rows),
            "## Splits\n",
            splits,
        ]
    )


def _calibration() -> str:
    """Return the page on simulation-based calibration."""
    document = _read("calibration")
    lines = [
        "# Simulation-based calibration (SBC)\n",
        "All numbers are SIMULATED. Parameters and values are drawn from the prior, and the default fit is",
        "made of the values. The rank of each parameter among its draws is recorded. Ranks are uniform if",
        "model, sampler and derived quantities are right (Talts et al., arXiv 1804.06788). Tables have 12",
        "curves of 8 sizes: `score` has BLEU alone, `whole` also losses, standard errors, a baseline and",
        "alignment. `python -m benchmarks.calibration` makes these figures.\n",
        _made(document),
    ]
    for name, found in document["tables"].items():
        lines += _calibrated(name, found)
    return "\n".join(lines)


def _calibrated(name: str, found: Mapping[str, Any]) -> list[str]:
    """Return the figures of one simulated table."""
    heads = ("parameter", "p uniform", "p within", "mean rank", "within 90%")
    chances = [
        (event, f"{row['from']:g} to {row['to']:g}", *map(row.get, ("curves", "mean P", "share", "p")))
        for event, rows in found["probabilities"].items()
        for row in rows
    ]
    rejected = ", ".join(found["rejected"]) or "none"
    return [
        f"## Table {name}\n",
        f"- {found['fits']} fits, {found['not converged']} of them not converged; largest R-hat "
        f"{found['largest R-hat']:g}; {found['median seconds']:g} s a fit on one core (median)",
        f"- 90% intervals cover {100 * found['within 90%, all parameters']:.1f}% of all parameters",
        f"- {found['tests']} tests, rejected below p = {found['limit (Bonferroni)']:.2g}: {rejected}; "
        f"the smallest p: {found['smallest p']}\n",
        f"![Ranks of the parameters of table {name}, simulated.](../pictures/calibration_{name}.png)\n",
        "Probabilities beside how often they came true:\n",
        table(("event", "P", "curves", "mean P", "came true", "p-value"), chances),
        "Rows without a p-value are too small for a test. Parameters (`p within`: that 90% intervals cover",
        "90%):\n",
        table(heads, [[row[head] for head in heads] for row in found["parameters"]]),
    ]


def _claims() -> str:
    """Return the page on the paper's claims, asked of the bundled grid."""
    document = _read("claims")
    counts = Counter(claim["verdict"] for claim in document["claims"])
    rows = [
        (claim["claim"], "" if claim["probability"] is None else f"{claim['probability']:.3f}",
         f"**{claim['verdict']}**")
        for claim in document["claims"]
    ]  # fmt: skip
    heads = tuple(document["forecasts"][0])
    held = [[_percent(name, row[name]) for name in heads] for row in document["forecasts"]]
    advice = document["guide"]
    return "\n".join(
        [
            "# The paper's claims, asked of a measured grid\n",
            f"The example `{document['example']}`: synthetic languages, measured by this harness;",
            f"{document['curves']} curves, {document['scores']} scores, seeds {document['seeds']}. Small",
            "models of languages that were made up: what holds here need not hold elsewhere.",
            f"`python -m benchmarks.claims` makes these figures. The fit: {document['status']}.\n",
            _rates(document["rates"]),
            _made(document),
            f"Supported: a probability of at least {document['sure']:g}; not supported: at most",
            f"{1 - document['sure']:.2g}; cannot be told here: anything between, or the grid has nothing",
            f"that could tell. {', '.join(f'{count} {verdict}' for verdict, count in counts.items())}.\n",
            table(("claim", "probability", "verdict"), rows),
            "## What was asked, and what was answered\n",
            f"    {document['command']}\n",
            *map(_claim, document["claims"]),
            "## Forecasts of what was held out\n",
            "The paper's fit has no intervals; its CRPS is its absolute error. It cannot forecast a D_f that",
            "was not measured: there its curves at the neighbouring D_f are interpolated.\n",
            table(heads, held),
            "## The guide of the paper's section 3.5, after three checkpoints\n",
            f"    {advice['command']}\n",
            "The target at each D_f is the median over mixtures of the last measured BLEU. Of",
            f"{len(advice['rows'])} forecasts whether it is reached {advice['right']} were right; their",
            f"Brier score is {advice['brier']:.3f} (always .5: .250). The fit: {advice['status']}.\n",
            table(tuple(advice["rows"][0]), [list(row.values()) for row in advice["rows"]]),
        ]
    )


def _rates(found: Mapping[str, int]) -> str:
    """Return what is to be said of the finetuning of the grid."""
    return (
        f"Of {found['models']} models {found['at an edge']} chose the lowest or highest finetuning rate:\n"
        "the grid tried only two, those that all cells of a pilot with four had chosen. Less than one\n"
        f"epoch of D_f was seen by {found['less than an epoch']}. On the plateau of span corruption\n"
        f"{found['on the plateau']} had started.\n"
    )


def _claim(claim: Mapping[str, Any]) -> str:
    """Return a claim with its question and the answer."""
    known = claim["probability"] is not None
    said = (
        f"P = {claim['probability']:.3f}: {claim['event']}."
        if known
        else f"No probability: {claim['event']}."
    )
    lines = [f"### {claim['claim']}\n", f"    {claim['question']}\n", f"{said} **{claim['verdict']}**\n"]
    return "\n".join([*lines, *(f"- {line}" for line in claim["told"]), ""])


def _percent(name: str, value: Any) -> Any:
    """Return a share as a percentage, other values as they are."""
    return f"{100 * value:.0f}%" if name.startswith("in ") and isinstance(value, float) else value


def main() -> int:
    """Write or check; return the exit code."""
    stale = {
        path: text
        for path, text in documents().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    if "--check" in sys.argv:
        for path in stale:
            typer.echo(f"{path.relative_to(ROOT)} is not what docs/generate.py would write")
        return int(bool(stale))
    for path, text in stale.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        typer.echo(str(path.relative_to(ROOT)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
