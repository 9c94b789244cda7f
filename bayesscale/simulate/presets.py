"""Ready-made regimes: the paper's grid, a small part of it, and grids of any size."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bayesscale.errors import UsageError
from bayesscale.simulate.regime import LAST_STEP, Mixture, Regime, Task

# The paper stops Romanian at 510k steps, before a sequence would be seen twice.
_ROMANIAN_STEPS = 510_000


def _alone(language: str) -> Mixture:
    """Return the mixture of one language."""
    return Mixture(f"{language}100", {language: 1.0}, _ROMANIAN_STEPS if language == "ro" else LAST_STEP)


def _mixed(first: str, second: str, percent: int = 50) -> Mixture:
    """Return the mixture of `percent` of the first language and the rest of the second."""
    name = f"{first}{percent}-{second}{100 - percent}"
    return Mixture(name, {first: percent / 100, second: (100 - percent) / 100})


_EN_FR = Task("en-fr", (42_000_000, 210_000_000, 21_000_000_000), enough=21_000_000_000)
_EN_DE = Task("en-de", (6_000_000, 31_000_000, 3_000_000_000), enough=3_000_000_000)
_EN_RO = Task("en-ro", (625_000, 3_000_000, 312_000_000), enough=312_000_000)

SMALL = Regime(
    "small",
    (_EN_FR,),
    (_mixed("en", "fr"), _mixed("en", "fr", 30), _mixed("en", "fr", 70), _alone("fr"), _alone("en")),
)
PAPER = Regime(
    "paper",
    (_EN_DE, _EN_FR, _EN_RO),
    (
        *(_alone(language) for language in ("en", "de", "fr", "ro")),
        *(_mixed("en", language) for language in ("de", "fr", "ro")),
        _mixed("en", "fr", 30),
        _mixed("en", "fr", 70),
    ),
)
PRESETS: Mapping[str, Regime] = MappingProxyType({regime.name: regime for regime in (SMALL, PAPER)})

_LANGUAGES = ("fr", "de", "ro", "es", "it", "pt", "nl", "pl", "cs", "sv", "da", "fi", "hu", "el", "ru", "uk")


def sized(curves: int) -> Regime:
    """Return a regime of any size up to 960 curves, for measurements of speed and memory.

    The tasks translate from English into up to 16 languages; up to 20 mixtures hold English and some of them.
    """
    if not 1 <= curves <= 960:
        raise UsageError(f"a regime has 1 to 960 curves; received {curves}")
    mixtures = [_alone("en")]
    for language in _LANGUAGES[:5]:
        both = (_mixed("en", language, percent) for percent in (50, 30, 70))
        mixtures += [*both, _alone(language)]
    used = mixtures[: 5 if curves <= 60 else 20]
    sizes = _EN_FR.finetune_tokens[: 1 if curves <= 5 else 3]
    tasks = (Task(f"en-{language}", sizes, _EN_FR.enough) for language in _LANGUAGES)
    return Regime(f"{curves}-curves", tuple(tasks), tuple(used), breaks=0.1, limit=curves)
