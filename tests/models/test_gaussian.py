"""Normal effects integrated out step by step are what dense matrices say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from numpy.typing import NDArray
from pytensor import function  # type: ignore[attr-defined]
from scipy import stats

from bayesscale.models.gaussian import Absorbed, absorb, log_ratio
from tests.models.evaluate import quiet

FloatArray = NDArray[np.float64]
BATCH, VALUES = 5, 6


@dataclass(frozen=True)
class _Case:
    """Values of several curves: residuals and weights (BATCH, VALUES), effects (BATCH, VALUES, count)."""

    residual: FloatArray
    weight: FloatArray
    columns: FloatArray

    @classmethod
    def of(cls, count: int) -> _Case:
        """Return a case with so many effects; the last curve has nothing to say of them."""
        rng = np.random.default_rng(count)
        columns = rng.normal(scale=1.5, size=(BATCH, VALUES, count))
        columns[-1] = 0.0
        return cls(rng.normal(size=(BATCH, VALUES)), rng.gamma(2.0, size=(BATCH, VALUES)), columns)

    @property
    def pull(self) -> FloatArray:
        """Return columns.T @ (w r), (BATCH, count)."""
        return np.asarray(np.einsum("bnk,bn->bk", self.columns, self.weight * self.residual))

    @property
    def precision(self) -> FloatArray:
        """Return the posterior precision of the effects, (BATCH, count, count)."""
        gram = np.einsum("bni,bn,bnj->bij", self.columns, self.weight, self.columns)
        return np.asarray(gram + np.eye(self.columns.shape[-1]))

    def absorbed(self, convert: Any, xp: Any) -> Absorbed:
        """Return what the tested code says, its arguments NumPy arrays or tensors."""
        columns = [convert(self.columns[..., i]) for i in range(self.columns.shape[-1])]
        weight, residual = convert(self.weight), convert(self.residual)
        gram = [
            [(weight * columns[i] * columns[j]).sum(axis=-1) for j in range(i + 1)]
            for i in range(len(columns))
        ]
        return absorb(gram, [(weight * column * residual).sum(axis=-1) for column in columns], xp=xp)


def _plain(values: list[Any]) -> list[FloatArray]:
    """Return arrays as they are."""
    return values


def _evaluated(values: list[Any]) -> list[FloatArray]:
    """Return the values of tensors."""
    with quiet():
        outputs = [pt.as_tensor(value) for value in values]
        return [np.asarray(v) for v in function([], outputs, mode="FAST_COMPILE")()]


FORMS = pytest.mark.parametrize(
    ("convert", "xp", "found"),
    [(np.asarray, np, _plain), (pt.as_tensor, pt, _evaluated)],
    ids=["numpy", "tensor"],
)
COUNTS = pytest.mark.parametrize("count", [0, 1, 2, 3])


@FORMS
@COUNTS
def test_the_density_is_that_of_a_multivariate_normal(count: int, convert: Any, xp: Any, found: Any) -> None:
    case = _Case.of(count)
    (ratio,) = found([case.absorbed(convert, xp).log_ratio])
    expected = []
    for residual, weight, columns in zip(case.residual, case.weight, case.columns, strict=True):
        whole = stats.multivariate_normal(np.zeros(VALUES), np.diag(1 / weight) + columns @ columns.T)
        expected.append(whole.logpdf(residual) - stats.norm.logpdf(residual, 0.0, weight**-0.5).sum())
    assert np.broadcast_to(ratio, BATCH) == pytest.approx(np.array(expected), rel=1e-9, abs=1e-9)
    assert ratio == 0.0 if count == 0 else np.abs(ratio).max() > 0.1


@FORMS
@COUNTS
def test_the_factor_is_that_of_the_precision(count: int, convert: Any, xp: Any, found: Any) -> None:
    case = _Case.of(count)
    absorbed = case.absorbed(convert, xp)
    places = [(i, j) for i, row in enumerate(absorbed.factor) for j in range(len(row))]
    assert places == [(i, j) for i in range(count) for j in range(i + 1)]
    expected = np.linalg.cholesky(case.precision)
    for (i, j), value in zip(places, found([absorbed.factor[i][j] for i, j in places]), strict=True):
        assert value == pytest.approx(expected[:, i, j], rel=1e-9, abs=1e-12)


@FORMS
@COUNTS
def test_both_substitutions_solve(count: int, convert: Any, xp: Any, found: Any) -> None:
    case = _Case.of(count)
    absorbed, factor = case.absorbed(convert, xp), np.linalg.cholesky(case.precision)
    other = np.random.default_rng(9).normal(size=(BATCH, count))
    right = [convert(other[:, i]) for i in range(count)]
    forward, backward = np.linalg.inv(factor), np.linalg.inv(np.swapaxes(factor, 1, 2))
    for values, matrix, of in (
        (absorbed.solved, forward, case.pull),
        (absorbed.forward(right), forward, other),
        (absorbed.backward(right), backward, other),
        # Both in turn: the posterior mean of the effects.
        (absorbed.backward(absorbed.solved), np.linalg.inv(case.precision), case.pull),
    ):
        expected = (matrix @ of[..., None])[..., 0]
        assert len(values) == count
        for place, value in enumerate(found(list(values))):
            assert value == pytest.approx(expected[:, place], rel=1e-9, abs=1e-12)


@COUNTS
def test_a_value_without_weight_counts_for_nothing(count: int) -> None:
    case = _Case.of(count)
    case.weight[:, -1] = 0.0
    shorter = _Case(case.residual[:, :-1], case.weight[:, :-1], case.columns[:, :-1])
    whole, part = (each.absorbed(np.asarray, np).log_ratio for each in (case, shorter))
    assert whole == pytest.approx(part, rel=1e-12)


@FORMS
@COUNTS
def test_one_more_effect_on_top_of_those_absorbed(count: int, convert: Any, xp: Any, found: Any) -> None:
    case, mean, sd = _Case.of(count), -0.7, 0.45
    effect = np.random.default_rng(3).normal(size=(BATCH, VALUES))
    first, second, expected = [], [], []
    for curve in range(BATCH):
        columns, residual = case.columns[curve], case.residual[curve]
        covariance = np.diag(1 / case.weight[curve]) + columns @ columns.T
        precision, own = np.linalg.inv(covariance), effect[curve]
        first.append(own @ precision @ residual)
        second.append(own @ precision @ own)
        wider = stats.multivariate_normal(mean * own, covariance + sd**2 * np.outer(own, own))
        before = stats.multivariate_normal(np.zeros(VALUES), covariance).logpdf(residual)
        expected.append(wider.logpdf(residual) - before)
    sums = [convert(np.array(value)) for value in (first, second)]
    (ratio,) = found([log_ratio(sums[0], sums[1], mean, sd, xp=xp)])
    assert ratio == pytest.approx(np.array(expected), rel=1e-9, abs=1e-9)
    # The precision with the others absorbed, from sums over values and the factor alone.
    absorbed = case.absorbed(np.asarray, np)
    weighted = case.weight * effect
    crossed = list(np.einsum("bn,bnk->kb", weighted, case.columns))
    left = (weighted * case.residual).sum(axis=-1), (weighted * effect).sum(axis=-1)
    for solved, each in zip(absorbed.solved, absorbed.forward(crossed), strict=True):
        left = left[0] - each * solved, left[1] - each**2
    assert left[0] == pytest.approx(np.array(first), rel=1e-9, abs=1e-9)
    assert left[1] == pytest.approx(np.array(second), rel=1e-9)
