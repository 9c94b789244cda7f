"""Tuples of arrays as one pointer: compiled code would else hand on hundreds of numbers at every call.

Passing tuples, the sampler takes three times as long to compile and an inner call costs more than its work.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.experimental import structref

from bayesscale.models.assembly import Assembly
from bayesscale.particles.compiled import compiled
from bayesscale.particles.guide import Guide
from bayesscale.particles.state import Local, LocalPrior, Pool, Population
from bayesscale.particles.steps import Steps


class _Type(types.StructRef):  # type: ignore[misc]
    """A struct as Numba's type system sees it."""

    def preprocess_fields(self, fields: Any) -> Any:
        """Return the fields without literal values, which would make types of their own."""
        return tuple((name, types.unliteral(own)) for name, own in fields)


@structref.register
class AssemblyType(_Type):
    """Type of `AssemblyStruct`."""


@structref.register
class PopulationType(_Type):
    """Type of `PopulationStruct`."""


@structref.register
class LocalType(_Type):
    """Type of `LocalStruct`."""


@structref.register
class LocalPriorType(_Type):
    """Type of `LocalPriorStruct`."""


@structref.register
class GuideType(_Type):
    """Type of `GuideStruct`."""


@structref.register
class PoolType(_Type):
    """Type of `PoolStruct`."""


@structref.register
class StepsType(_Type):
    """Type of `StepsStruct`."""


class AssemblyStruct(structref.StructRefProxy):  # type: ignore[misc]
    """An `Assembly` for compiled code; it shares the arrays."""


class PopulationStruct(structref.StructRefProxy):  # type: ignore[misc]
    """A `Population` for compiled code; it shares the arrays."""


class LocalStruct(structref.StructRefProxy):  # type: ignore[misc]
    """A `Local` for compiled code; it shares the arrays."""


class LocalPriorStruct(structref.StructRefProxy):  # type: ignore[misc]
    """A `LocalPrior` for compiled code; it shares the arrays."""


class GuideStruct(structref.StructRefProxy):  # type: ignore[misc]
    """A `Guide` for compiled code; it shares the arrays."""


class PoolStruct(structref.StructRefProxy):  # type: ignore[misc]
    """A `Pool` for compiled code; it shares the arrays."""


class StepsStruct(structref.StructRefProxy):  # type: ignore[misc]
    """A `Steps` for compiled code; it shares the arrays."""


structref.define_proxy(AssemblyStruct, AssemblyType, list(Assembly._fields))
structref.define_proxy(PopulationStruct, PopulationType, list(Population._fields))
structref.define_proxy(LocalStruct, LocalType, list(Local._fields))
structref.define_proxy(LocalPriorStruct, LocalPriorType, list(LocalPrior._fields))
structref.define_proxy(GuideStruct, GuideType, list(Guide._fields))
structref.define_proxy(PoolStruct, PoolType, list(Pool._fields))
structref.define_proxy(StepsStruct, StepsType, list(Steps._fields))


@compiled
def data_struct(data: Assembly) -> Any:
    """Return the data for compiled code."""
    return AssemblyStruct(*data)


@compiled
def population_struct(population: Population) -> Any:
    """Return a population for compiled code."""
    return PopulationStruct(*population)


@compiled
def local_struct(local: Local) -> Any:
    """Return local parameters for compiled code."""
    return LocalStruct(*local)


@compiled
def prior_struct(prior: LocalPrior) -> Any:
    """Return a population as curves see it for compiled code."""
    return LocalPriorStruct(*prior)


@compiled
def guide_struct(guide: Guide) -> Any:
    """Return a guide for compiled code."""
    return GuideStruct(*guide)


@compiled
def steps_struct(steps: Steps) -> Any:
    """Return sizes of steps for compiled code."""
    return StepsStruct(*steps)


@compiled
def pool_struct(pool: Pool) -> Any:
    """Return clouds for compiled code."""
    return PoolStruct(*pool)
