"""Studies that are ready to run: `tiny`, `synthetic` and `isik`, each a TOML file in this folder."""

from __future__ import annotations

from importlib.resources import files

from bayesscale.errors import UsageError, valid_names
from bayesscale.harness.study.config import Study
from bayesscale.harness.study.load import parse_study

PRESETS = {
    "tiny": "seconds on a CPU: two mixtures of artificial languages",
    "synthetic": "an hour of a CPU core: six mixtures of artificial languages, three D_f, two seeds",
    "isik": "the paper's own sizes: nine mixtures of mC4, WMT en-de, en-fr and en-ro, T5-3B",
}
"""Names of the presets, and what each is."""


def preset_text(name: str) -> str:
    """Return a study as TOML, with comments, by a key of `PRESETS`."""
    if name not in PRESETS:
        raise UsageError(
            f"a preset is a study that comes with bayesscale; received {name!r}; {valid_names(name, PRESETS)}"
        )
    return (files("bayesscale.harness.study") / f"{name}.toml").read_text(encoding="utf-8")


def preset(name: str) -> Study:
    """Return a study by a key of `PRESETS`."""
    return parse_study(preset_text(name), name=f"the preset {name}")
