"""What ArviZ takes for a fit: InferenceData before ArviZ 1, a DataTree since."""

from __future__ import annotations

from typing import Any

import xarray as xr


def for_arviz(tree: xr.DataTree) -> Any:
    """Return the groups of a tree in the type that the installed ArviZ takes.

    Parameters
    ----------
    tree : xarray.DataTree
        Groups, one level deep.
    """
    import arviz as az

    if az.__version__.startswith("0."):
        groups = {name: node.to_dataset() for name, node in tree.children.items()}
        return az.InferenceData(**groups, warn_on_custom_groups=False)
    return tree
