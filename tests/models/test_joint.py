"""The joint model of every structure that a metrics table can have: built, labelled and evaluated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest

from bayesscale.errors import UsageError
from bayesscale.inference.tree import INTERNAL
from bayesscale.metrics.curves import Curves
from bayesscale.models.joint import JointModel
from bayesscale.models.laws import SATURATING
from bayesscale.models.packing import pack
from tests.models.evaluate import log_density, points, quiet
from tests.models.tables import SIZES, curves_of, table
from tests.models.variants import VARIANTS

MODEL = JointModel()


@pytest.mark.parametrize("name", VARIANTS)
def test_every_structure_can_be_built_in_both_forms(name: str) -> None:
    curves = VARIANTS[name]()
    for centred in (True, False):
        arrays = MODEL.data(curves, centred=centred)
        assert [key for key, array in arrays.items() if not np.isfinite(array).all()] == []
        model: Any = MODEL.build(curves, centred=centred)
        assert {"mean", "curve_effect", "noise_sd"} <= set(model.named_vars)
        baseline = {"baseline_value"} if len(curves.baseline) else set()
        assert {v.name for v in model.observed_RVs} == baseline
        # The density of the values of curves, of which only scores may break.
        breaks = {"breaks"} if len(curves.scores) else set()
        coordinates = {"whitening", "evidence", "shape_evidence", "baseline_evidence"}
        potentials = {v.name for v in model.potentials} - coordinates
        assert potentials == {"noise_weights", "curves"} | breaks


@pytest.mark.parametrize("name", ["one curve of one metric", "two sizes", "along finetune_tokens"])
def test_the_smallest_structures_have_a_finite_density(name: str) -> None:
    model = MODEL.build(VARIANTS[name]())
    density = log_density(model)
    assert [value for point in points(model, 5) if not np.isfinite(value := density(point))] == []


def _variables(curves: Curves) -> dict[str, tuple[str, ...]]:
    """Return the dimensions of all variables that are no coordinates of the sampler."""
    model: Any = MODEL.build(curves)
    names = [v.name for v in model.unobserved_RVs if v.name not in INTERNAL]
    return {name: tuple(model.named_vars_to_dims.get(name, ())) for name in names}


def test_variables_have_labelled_dimensions() -> None:
    everything = _variables(curves_of(table(se=0.3)))
    assert everything == {
        "mean": ("effect",),
        "slope": ("covariate", "effect"),
        **{f"{factor}_effect": (factor, "effect") for factor in ("task", "mixture", "task_mixture")},
        **{f"{factor}_sd": ("effect",) for factor in ("task", "mixture", "task_mixture")},
        "curve_effect": ("curve", "effect"),
        "curve_sd": ("correlated",),
        "curve_correlation": ("correlated", "correlated_other"),
        "shape_sd": ("metric",),
        "noise_sd": ("metric",),
        "noise_spread": ("metric",),
        "noise_factor": ("curve", "metric"),
        "noise_tails": ("metric",),
        "se_independent": ("metric",),
        "baseline_mean": ("metric",),
        "baseline_slope": ("metric",),
        "baseline_sd": ("metric",),
        "baseline_level": ("cell", "metric"),
        "break_log_hazard": ("break_metric",),
        "break_alignment": ("break_metric",),
        "break_scale": ("break_metric",),
        "discrepancy_scale": ("metric",),
        "sharpness": ("metric",),
    }
    alone = _variables(curves_of(table(("en-fr",), ("en",), (6e6,), baseline=False)))
    missing = {"slope", "se_independent", "break_alignment"}
    missing |= {name for name in everything if name.startswith("baseline")}
    missing |= {
        f"{factor}_{kind}" for factor in ("task", "mixture", "task_mixture") for kind in ("effect", "sd")
    }
    assert set(everything) - set(alone) == missing


def test_coordinates_are_the_user_s_labels() -> None:
    curves = curves_of(table())
    coords = MODEL.coords(curves)
    assert coords["curve"] == curves.labels
    assert coords["task"] == ["en-de", "en-fr"]
    assert coords["metric"] == ["bleu", "cross_entropy"]
    assert coords["covariate"] == ["finetune_tokens", "alignment"]
    assert coords["cell"] == curves.cell_labels
    assert coords["correlated"] == list(coords["effect"])[:4]
    assert coords["break_metric"] == ["bleu"]
    assert len(coords["curve_observation"]) == len(curves.scores) + len(curves.losses)
    assert len(coords["baseline_observation"]) == len(curves.baseline)
    assert "baseline_observation" not in MODEL.coords(curves_of(table(baseline=False)))


def test_breaks_decide_which_metrics_may_break() -> None:
    curves = curves_of(table())
    found = {}
    for breaks in ("none", "scores", "all"):
        model = JointModel(breaks=breaks)
        places = model.data(curves).get("break_position", np.empty((0, 0)))
        found[breaks] = (model.coords(curves).get("break_metric"), len(places))
    assert found == {
        "none": (None, 0),
        "scores": (["bleu"], len(curves)),
        "all": (["bleu", "cross_entropy"], 2 * len(curves)),
    }
    with pytest.raises(UsageError, match="received 'score'; did you mean 'scores'"):
        JointModel(breaks="score")


def test_without_discrepancy_the_laws_are_exactly_true() -> None:
    curves = curves_of(table())
    exact: Any = JointModel(discrepancy=False).build(curves)
    model: Any = MODEL.build(curves)
    assert set(MODEL.data(curves)) - set(JointModel(discrepancy=False).data(curves)) == {"curve_modes"}
    left = {v.name for v in model.value_vars} - {v.name for v in exact.value_vars}
    assert left == {"discrepancy_scale_log__"}
    assert [name for name in exact.named_vars if "discrepancy" in name] == []


def test_a_baseline_of_one_size_has_no_slope() -> None:
    assert "baseline_slope" not in _variables(curves_of(table(finetune=(6e6,))))
    frame = table()
    only_one = (frame["pretrain_tokens"] > 0) | (frame["finetune_tokens"] == 6e6)
    assert "baseline_slope" not in _variables(curves_of(frame[only_one]))


def _other() -> pd.DataFrame:
    """Return a table of the same structure as `table()` with nothing else in common."""
    frame = table(finetune=(2e6, 5e8), sizes=[3.0 * size for size in SIZES], se=0.2, seed=7)
    frame["task"] = frame["task"].str.replace("fr", "cs")
    return frame.rename(columns={"share_fr": "share_de"})


def test_a_compiled_model_serves_other_data_of_the_same_structure() -> None:
    first, second = curves_of(table(se=0.3)), curves_of(_other())
    model, fresh = MODEL.build(first), MODEL.build(second)
    density, expected = log_density(model), log_density(fresh)
    before = [density(point) for point in points(model, 3)]
    with quiet():
        pm.set_data(pack(MODEL.data(second)), model=model)
    after = [density(point) for point in points(model, 3)]
    assert after == pytest.approx([expected(point) for point in points(fresh, 3)], rel=1e-12)
    assert np.abs(np.subtract(after, before)).min() > 1.0


def test_a_compiled_model_serves_the_other_law_of_scores() -> None:
    curves, other = curves_of(table(se=0.3)), replace(MODEL, law=SATURATING)
    model, fresh = MODEL.build(curves), other.build(curves)
    density, expected = log_density(model), log_density(fresh)
    before = [density(point) for point in points(model, 3)]
    with quiet():
        pm.set_data(pack(other.data(curves)), model=model)
    after = [density(point) for point in points(model, 3)]
    assert after == pytest.approx([expected(point) for point in points(fresh, 3)], rel=1e-12)
    assert np.abs(np.subtract(after, before)).min() > 0.1
