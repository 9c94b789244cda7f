"""The study: a typed TOML file, presets, and the plan of what it will cost."""

from bayesscale.harness.study.cells import Cell, cells
from bayesscale.harness.study.config import Study
from bayesscale.harness.study.hashing import digest
from bayesscale.harness.study.load import load_study
from bayesscale.harness.study.presets import preset

__all__ = ["Cell", "Study", "cells", "digest", "load_study", "preset"]
