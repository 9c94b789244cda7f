"""`bayesscale laws`: the laws that can be fitted, with their formulas and sources."""

from __future__ import annotations

from bayesscale.cli.options import CsvOption, JsonOption
from bayesscale.cli.output import Answer, print_answer


def laws(as_json: JsonOption = False, as_csv: CsvOption = False) -> None:
    """Print all laws: the option that fits each, its formula, its coefficients and where it comes from."""
    import pandas as pd

    from bayesscale.models.forms import LOSS_FORMS, SCORE_FORMS

    rows = [
        {
            "option": f"{flag} {form.option}",
            "law": name,
            "formula": form.law.formula,
            "coefficients": ", ".join(form.law.coefficient_names),
            "beyond level, gain and shape": ", ".join((*form.drawn, *form.known)),
            "source": form.law.source,
        }
        for flag, forms in (("--law", SCORE_FORMS), ("--loss-law", LOSS_FORMS))
        for name, form in forms.items()
    ]
    sentences = ["options of `bayesscale fit`; several of one kind with commas; D: tokens along the axis"]
    shown = pd.DataFrame(rows)
    if not (as_json or as_csv):
        shown = shown.drop(columns=["coefficients", "beyond level, gain and shape"])
    print_answer(Answer(shown, {"laws": rows}, sentences), as_json=as_json, as_csv=as_csv)
