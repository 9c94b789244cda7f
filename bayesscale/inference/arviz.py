"""What ArviZ takes for a fit: InferenceData before ArviZ 1, a DataTree since."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr


def for_arviz(tree: xr.DataTree) -> Any:
    """Return the groups of a tree in the type that the installed ArviZ takes."""
    import arviz as az

    groups = {name: _counted(node.to_dataset()) for name, node in tree.children.items()}
    if az.__version__.startswith("0."):
        return az.InferenceData(**groups, warn_on_custom_groups=False)
    return xr.DataTree.from_dict(groups)


def _counted(data: xr.Dataset) -> xr.Dataset:
    """Return data whose chains and draws have numbers, by which ArviZ tells them apart."""
    return data.assign_coords(
        {str(name): np.arange(size) for name, size in data.sizes.items() if name in ("chain", "draw")}
    )
