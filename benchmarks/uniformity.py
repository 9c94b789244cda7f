"""How uniform ranks are, and whether probabilities hold: what simulation-based calibration looks at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from bayesscale.posterior.draws import FOLLOWED
from bayesscale.units import format_tokens

# So many posterior draws are ranked, thinned from all; ranks are then nearly independent, from 0 to 99.
RANKED, BINS = 99, 10
# Breaks that never come are put at different ends by prior and posterior.
_NEVER = 1e299
# A normal approximation takes a variance of so many events.
_FEWEST = 5


def ranks(
    posterior: xr.Dataset, truth: Mapping[str, NDArray[Any]], rng: np.random.Generator
) -> dict[str, list[int]]:
    """Return how many of the ranked draws lie below the truth, ties at random.

    Parameters
    ----------
    posterior : xarray.Dataset
        The draws.
    truth : mapping of str to array
        What they are draws of, by the same names.
    rng : Generator
        For ties.

    Returns
    -------
    dict
        By parameter, such as 'mean[bleu.gain]'; those of curves and of cells, such as 'level[bleu]', have a
        rank for each of them.
    """
    found: dict[str, list[int]] = {}
    for name in sorted(set(map(str, posterior.data_vars)) & set(truth) - {FOLLOWED}):
        variable = posterior[name].transpose("chain", "draw", "curve", "cell", ..., missing_dims="ignore")
        draws = np.minimum(variable.to_numpy().astype(float), _NEVER)
        draws = draws.reshape(-1, *draws.shape[2:])
        draws = draws[np.linspace(0, len(draws) - 1, RANKED).astype(int)]
        true = np.minimum(truth[name], _NEVER)
        below = (draws < true).sum(axis=0) + rng.integers(0, (draws == true).sum(axis=0) + 1)
        pooled = variable.dims[2:3] in (("curve",), ("cell",))
        names = variable.dims[3:] if pooled else variable.dims[2:]
        for place in np.ndindex(*(variable.sizes[dim] for dim in names)):
            # Correlations are there twice and 1 with themselves; some shares are 1 or 0.
            own = (slice(None), *place) if pooled else place
            twice = name == "curve_correlation" and place[0] <= place[1]
            if not twice and np.ptp(draws[:, *own]) > 0:
                labels = [str(variable[dim].to_numpy()[i]) for dim, i in zip(names, place, strict=True)]
                found[f"{name}[{', '.join(labels)}]"] = np.atleast_1d(below[own]).tolist()
    return found


def parameter(label: str, each: list[list[int]]) -> dict[str, Any]:
    """Return how uniform the ranks of a parameter are.

    Parameters
    ----------
    label : str
        The parameter.
    each : list of list of int
        Its ranks by fit: one, or one a curve. Tests take one of each fit, in turn.
    """
    everything = np.concatenate(each)
    one = np.array([own[number % len(own)] for number, own in enumerate(each)])
    counts = np.histogram(one, BINS, (-0.5, RANKED + 0.5))[0]
    tail = (RANKED + 1) // 20
    inside = (one >= tail) & (one <= RANKED - tail)
    return {
        "parameter": label,
        "p uniform": float(f"{stats.chisquare(counts).pvalue:.3g}"),
        "p within": float(f"{stats.binomtest(int(inside.sum()), len(one), 0.9).pvalue:.3g}"),
        "mean rank": round(float(everything.mean()) / RANKED, 3),
        "within 90%": round(float(np.mean((everything >= tail) & (everything <= RANKED - tail))), 3),
        "ranks": np.histogram(everything, BINS, (-0.5, RANKED + 0.5))[0].tolist(),
    }


def probability_bins(each: list[list[list[float]]]) -> list[dict[str, Any]]:
    """Return mean probability and share of what was true in ten bins of probability, and over all; p by fits.

    Parameters
    ----------
    each : list of list of (float, float)
        By fit: probabilities, and 1 where what they are of is true.
    """
    found = []
    for low, high in [*pairwise(np.linspace(0.0, 1.0, 11).round(1)), (0.0, 1.0)]:
        own = [
            np.array([pair for pair in fit if low <= pair[0] < high or pair[0] == high == 1]) for fit in each
        ]
        own = [pairs for pairs in own if len(pairs)]
        if not own:
            continue
        pairs = np.concatenate(own)
        # What the curves of one fit are off by may go together: not less than if it did not.
        off = np.array([np.sum(pair[:, 0] - pair[:, 1]) for pair in own])
        alone = np.sum(pairs[:, 0] * (1 - pairs[:, 0]))
        z = off.sum() / np.sqrt(max(np.sum(off**2), alone, 1e-12))
        entry = {"from": float(low), "to": float(high), "curves": len(pairs)}
        entry |= {"mean P": round(float(pairs[:, 0].mean()), 4), "share": round(float(pairs[:, 1].mean()), 4)}
        if alone >= _FEWEST:
            entry["p"] = float(f"{2 * stats.norm.sf(abs(z)):.3g}")
        found.append(entry)
    return found


def _title(parameter: str) -> str:
    """Return the name of a parameter, short enough for a panel."""
    short = parameter.replace("finetune_tokens", "D_f").replace("mixture", "mix")
    return re.sub(r"\d{4,}", lambda size: format_tokens(float(size[0])), short)


def draw(document: dict[str, Any], path: Path) -> None:
    """Draw the histograms of the ranks, beside what uniform ranks of one element a fit would give.

    Parameters
    ----------
    document : dict
        With `fits` and `parameters`, a list of what `parameter` returns.
    path : Path
        Where to.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows, columns, fits = document["parameters"], 8, document["fits"]
    lines = -(-len(rows) // columns)
    figure, axes = plt.subplots(lines, columns, figsize=(16, 1.5 * lines), sharex=True, sharey=True)
    limits = stats.binom.ppf((0.005, 0.995), fits, 1 / BINS) / fits * BINS
    for axis in axes.flat[len(rows) :]:
        axis.set_visible(False)
    for axis, row in zip(axes.flat, rows, strict=False):
        counts = np.array(row["ranks"], dtype=float)
        axis.bar(np.arange(BINS), counts / counts.mean(), width=1.0, color="#4878a8")
        axis.hlines(limits, -0.5, BINS - 0.5, color="#b04030", lw=0.8, ls="--")
        axis.set(xticks=[], ylim=(0, 2.2))
        axis.set_title(_title(row["parameter"]), fontsize=7)
    what = f"SIMULATED: ranks of the truth among {RANKED} draws, {fits} fits"
    figure.suptitle(f"{what}; 1 is uniform; 99% between the lines", fontsize=9)
    figure.tight_layout(rect=(0, 0, 1, 0.98))
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=90)
    plt.close(figure)
