"""`bayesscale laws`: the laws that can be fitted, with their formulas and sources."""

from __future__ import annotations

from bayesscale.cli.options import CsvOption, JsonOption
from bayesscale.cli.output import Answer, print_answer


def laws(as_json: JsonOption = False, as_csv: CsvOption = False) -> None:
    """Print all laws: the option that fits each, its formula, its coefficients and where it comes from."""
    import pandas as pd

    from bayesscale.laws import LAWS
    from bayesscale.models.model import SCORE_LAWS

    rows = [
        {
            "option": f"--law {law.option}" if name in SCORE_LAWS else "",
            "law": name,
            "of": "scores" if name in SCORE_LAWS else "losses",
            "formula": law.formula,
            "coefficients": ", ".join(law.coefficient_names),
            "source": law.source,
        }
        for name, law in LAWS.items()
    ]
    sentences = [
        "options of `bayesscale fit`, several with commas; by default a score may follow each of its laws",
        "all losses follow the power law; D: tokens along the axis",
    ]
    shown = pd.DataFrame(rows)
    if not (as_json or as_csv):
        shown = shown.drop(columns=["coefficients"])
    print_answer(Answer(shown, {"laws": rows}, sentences, texts=True), as_json=as_json, as_csv=as_csv)
