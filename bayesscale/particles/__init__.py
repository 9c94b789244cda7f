"""Compiled sampling: clouds of particles for single curves, and the chains that they start.

Compiled functions call the same things by the same names, and change arrays in place:

- `c`, `m`: a curve and a metric, which are a pair.
- `law`, `broken`, `x`: where a pair is: the number of its law in `bayesscale.laws.LAWS`, whether it breaks
  within the data, and its local parameters, shape (LOCAL,), see `bayesscale.particles.places`.
- `data`: `bayesscale.models.assembly.Assembly`, which explains the letters of shapes.
- `population`, `local`, `prior`, `pool`: see `bayesscale.particles.state`. `proposal` is the `LocalPrior`
  under which clouds are; `guide` and `steps` are `Guide` and `Steps`.
- `precisions`: from `bayesscale.particles.population.fill_precisions`, shape (P + 1, E, E).
- `weights`: of the values, shape (N,), see `bayesscale.particles.collapsed`.
- `out`, `room`: room for the values of a pair, shape (N,) and (4, N).
"""
