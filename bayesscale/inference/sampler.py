"""How to draw from a posterior: a value that says it, and the call that does it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import numpy as np
import xarray as xr

from bayesscale.errors import UsageError, valid_names
from bayesscale.inference.linking import linked_by_address

METHODS = ("nutpie", "pymc")


@dataclass(frozen=True)
class Sampler:
    """Settings of the No-U-Turn sampler.

    Parameters
    ----------
    draws : int
        Draws kept of each chain.
    tune : int
        Draws of each chain in which step size and scales are adapted; they are not kept.
    chains : int
        Independent chains; at least 2, since one chain cannot show that it has converged.
    cores : int or None
        Chains that run at the same time; None for as many as there are processors. The draws do not depend
        on it.
    target_accept : float
        Acceptance rate aimed at, between 0.5 and 1; larger means smaller steps and fewer divergences.
    max_depth : int
        Most doublings of a trajectory.
    seed : int
        Seed of all random numbers.
    method : str
        'nutpie', or 'pymc' for PyMC's own sampler (slower; for comparisons).
    retries : int
        Times that sampling is repeated where a diagnostic failed, each time with more draws or smaller steps,
        whichever the diagnostics ask for; a second time only if that is likely to be enough. The draws of the
        last attempt are kept.
    """

    draws: int = 1250
    tune: int = 500
    chains: int = 4
    cores: int | None = None
    target_accept: float = 0.97
    max_depth: int = 10
    seed: int = 0
    method: str = "nutpie"
    retries: int = 2

    def __post_init__(self) -> None:
        rules = {
            "draws must be at least 100": self.draws >= 100,
            "tune must be at least 100": self.tune >= 100,
            "chains must be at least 2": self.chains >= 2,
            "cores must be at least 1": self.cores is None or self.cores >= 1,
            "target_accept must be between 0.5 and 0.999": 0.5 <= self.target_accept <= 0.999,
            "max_depth must be between 1 and 15": 1 <= self.max_depth <= 15,
            "seed must be between 0 and 2**32 - 1": 0 <= self.seed < 2**32,
            "retries must be between 0 and 5": 0 <= self.retries <= 5,
            f"method is unknown; {valid_names(self.method, METHODS)}": self.method in METHODS,
        }
        if broken := [rule for rule, holds in rules.items() if not holds]:
            raise UsageError("; ".join(broken) + f"; received {self}")


@dataclass(frozen=True)
class Draws:
    """What a sampler returns: posterior and sampler statistics, and the seconds spent."""

    posterior: xr.Dataset
    stats: xr.Dataset
    seconds: dict[str, float]


def compile_model(model: Any, start: dict[str, Any] | None = None) -> Any:
    """Return the model compiled for nutpie; `with_data` of the result serves refits of the same structure.

    Chains start at `start`, where it names a variable, and else at random around the middle of its prior.

    Strict floating-point arithmetic: with reordered sums a fresh and a cached compilation differ in the last
    digit, and one seed no longer gives one set of draws.
    """
    from pytensor.configdefaults import config

    with warnings.catch_warnings(), config.change_flags(numba__fastmath=False), linked_by_address():
        warnings.simplefilter("ignore")
        import nutpie

        from bayesscale.inference.digamma import keep_digamma

        keep_digamma()
        free = {v for v in model.free_RVs if v.name not in (start or {})}
        return nutpie.compile_pymc_model(model, initial_points=start, jitter_rvs=free)


def with_start(compiled: Any, model: Any, start: dict[str, Any]) -> Any:
    """Return a compiled model whose chains start elsewhere.

    Parameters
    ----------
    compiled : nutpie model
        From `compile_model`.
    model : pymc.Model
        A model of the same structure.
    start : dict
        As for `compile_model`.
    """
    from pymc.initial_point import make_initial_point_fn
    from pymc.model.transform.optimization import freeze_dims_and_data

    # As nutpie does it: where lengths are symbolic, a dimension of length 1 does not broadcast.
    model = freeze_dims_and_data(model, data=[])
    free = {v for v in model.free_RVs if v.name not in start}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        point = make_initial_point_fn(
            model=model,
            overrides=start,
            default_strategy="support_point",
            jitter_rvs=free,
            return_transformed=True,
        )
    names, slices, _ = compiled.shape_info
    places = dict(zip(names, slices, strict=True))
    # Chains begin in threads of their own, and PyTensor's functions serve one at a time.
    lock = Lock()

    def begin(seed: Any) -> Any:
        flat = np.empty(compiled.n_dim)
        with lock:
            drawn = point(seed)
        for name, value in drawn.items():
            flat[places[name]] = np.ravel(value)
        return flat

    return replace(compiled, initial_point_func=begin)


def sample(
    model: Any,
    sampler: Sampler,
    *,
    progress: bool,
    report: Callable[[str], None],
    start: dict[str, Any] | None = None,
) -> Draws:
    """Compile a PyMC model and draw from its posterior.

    Parameters
    ----------
    model : pymc.Model
        The model.
    sampler : Sampler
        The settings.
    progress : bool
        Show a progress bar.
    report : callable
        Receives one line a phase.
    start : dict, optional
        Where chains start, by variable; others start at random around their prior's middle.
    """
    if sampler.method == "pymc":
        return _pymc(model, sampler, progress, report, start)
    report("compiling the model")
    begun = time.perf_counter()
    compiled = compile_model(model, start)
    middle = time.perf_counter()
    draws = sample_compiled(compiled, sampler, progress=progress, report=report)
    return Draws(draws.posterior, draws.stats, {"compile": middle - begun, **draws.seconds})


def sample_compiled(
    compiled: Any, sampler: Sampler, *, progress: bool, report: Callable[[str], None]
) -> Draws:
    """Draw from a compiled model.

    Parameters
    ----------
    compiled : nutpie model
        From `compile_model`.
    sampler : Sampler
        The settings; `method` does not count.
    progress : bool
        Show a progress bar.
    report : callable
        Receives one line a phase.
    """
    import nutpie
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    report(f"sampling {sampler.chains} chains of {sampler.tune} + {sampler.draws} draws")
    start = time.perf_counter()
    # The chains take up the processors. OpenBLAS splits even the smallest triangular solve, and where its
    # threads have to wait for a processor a gradient takes a hundred times longer.
    with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):
        warnings.simplefilter("ignore")
        trace = nutpie.sample(
            compiled,
            draws=sampler.draws,
            tune=sampler.tune,
            chains=sampler.chains,
            cores=sampler.cores,
            seed=sampler.seed,
            target_accept=sampler.target_accept,
            maxdepth=sampler.max_depth,
            progress_bar=progress,
            save_warmup=False,
        )
    return Draws(as_dataset(trace["posterior"]), _stats(trace), {"sample": time.perf_counter() - start})


def _pymc(
    model: Any,
    sampler: Sampler,
    progress: bool,
    report: Callable[[str], None],
    start: dict[str, Any] | None,
) -> Draws:
    """Draw with PyMC's own sampler, which compiles and samples in one call."""
    import pymc as pm

    report(
        f"compiling, and sampling {sampler.chains} chains of {sampler.tune} + {sampler.draws} draws with PyMC"
    )
    begun = time.perf_counter()
    with warnings.catch_warnings(), model:
        warnings.simplefilter("ignore")
        trace = pm.sample(
            draws=sampler.draws,
            tune=sampler.tune,
            chains=sampler.chains,
            cores=sampler.cores,
            random_seed=sampler.seed,
            target_accept=sampler.target_accept,
            initvals=start,
            progressbar=progress,
            compute_convergence_checks=False,
        )
    return Draws(as_dataset(trace["posterior"]), _stats(trace), {"sample": time.perf_counter() - begun})


def as_dataset(group: Any) -> xr.Dataset:
    """Return a group as a Dataset on both stacks: PyMC 5 gives a Dataset, PyMC 6 a node of a DataTree."""
    dataset: xr.Dataset = group.to_dataset() if isinstance(group, xr.DataTree) else group
    return dataset


def _stats(trace: Any) -> xr.Dataset:
    """Return the sampler's statistics that are kept, by their ArviZ names."""
    stats = as_dataset(trace["sample_stats"])
    energy = stats.get("energy")
    kept = {
        "diverging": stats["diverging"],
        "n_steps": stats["n_steps"],
        "tree_depth": stats["depth" if "depth" in stats else "tree_depth"],
        "step_size": stats["step_size"],
        "lp": stats["logp" if "logp" in stats else "lp"],
    }
    return xr.Dataset(kept if energy is None else {**kept, "energy": energy})
