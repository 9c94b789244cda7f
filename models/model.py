"""The model as a value: which laws, which breaks, whether curves may stray, and the priors."""

from __future__ import annotations

from dataclasses import dataclass, field

from bayesscale.errors import UsageError, valid_names
from bayesscale.laws import LAWS
from bayesscale.models.breaks import CHOICES
from bayesscale.models.priors import Priors

SCORE_LAWS = tuple(name for name, law in LAWS.items() if law.improves == "up")
ALL, PAPER = "all", "paper"


@dataclass(frozen=True)
class Model:
    """What is fitted; the data are apart from it.

    Parameters
    ----------
    priors : Priors
        The priors; the defaults serve data like the paper's.
    laws : tuple of str
        Names of the laws that scores may follow. Losses follow the power law.
    breaks : str
        Which metrics may break: 'scores', 'all' or 'none'.
    discrepancy : bool
        Let curves stray from their laws; False takes the laws to be exactly true.
    sharp : bool
        Estimate the sharpness of laws with a floor or ceiling; False holds it at 1, as in the papers.
    """

    priors: Priors = field(default_factory=Priors)
    laws: tuple[str, ...] = SCORE_LAWS
    breaks: str = "scores"
    discrepancy: bool = True
    sharp: bool = True

    def __post_init__(self) -> None:
        for name in self.laws:
            if name not in SCORE_LAWS:
                raise UsageError(
                    f"the law of scores is unknown; received {name!r}; {valid_names(name, SCORE_LAWS)}"
                )
        if not self.laws:
            raise UsageError(f"scores need a law; received none; choose from {', '.join(SCORE_LAWS)}")
        if self.breaks not in CHOICES:
            known = valid_names(self.breaks, CHOICES)
            raise UsageError(f"breaks is unknown; received {self.breaks!r}; {known}")


def chosen_model(law: str, breaks: str, discrepancy: bool, priors: Priors) -> Model:
    """Return the model of the options of `bayesscale fit`.

    `law` is 'all'; options of laws of scores with commas between them, such as 'log,saturating'; or 'paper',
    exactly the paper's two laws: no breaks, no discrepancy, sharpness 1. An unknown law, or 'paper' beside
    others, is a UsageError.
    """
    by_option = {LAWS[name].option: name for name in SCORE_LAWS}
    if law == PAPER:
        return Model(priors, (by_option["log"],), "none", discrepancy=False, sharp=False)
    if law == ALL:
        return Model(priors, SCORE_LAWS, breaks, discrepancy)
    names = []
    for option in law.split(","):
        if option.strip() not in by_option:
            known = valid_names(option.strip(), [ALL, *by_option, PAPER])
            raise UsageError(f"a law of scores is unknown; received {option.strip()!r}; {known}")
        names.append(by_option[option.strip()])
    return Model(priors, tuple(name for name in SCORE_LAWS if name in names), breaks, discrepancy)
