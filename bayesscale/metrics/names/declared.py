"""How metrics that are not in the catalogue may be declared."""

from __future__ import annotations

from collections.abc import Iterable

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.names.scores import REVERSING, qualified_score
from bayesscale.metrics.names.words import word_set, words_of

_FALLS = word_set(
    "loss losses ppl pplx perplexity nll ce xent entropy crossentropy err error errors wer cer ter per drop"
    " bits bpb bpc bpt mse rmse mae kl divergence distance regret degradation gap"
)
_SHARES = word_set("err error errors drop")
_FALLING_ENDS = ("loss", "ppl", "perplexity", "nll", "entropy", "error")


def falls(name: str) -> bool:
    """Return whether a metric is by its name better when it is smaller; DROP alone is a benchmark."""
    words = words_of(name)
    if (other := qualified_score(name)) and other[1] in REVERSING:
        return CATALOGUE[other[0]].improves == "up"
    return name.strip() == "L" or (
        words != ["drop"] and any(word in _FALLS or word.endswith(_FALLING_ENDS) for word in words)
    )


def suggested_declaration(numbers: Iterable[float], name: str | None = None) -> str:
    """Return what could declare a metric with such values; nothing for values below 0.

    It is `down`, without an upper end unless it is a share, where the name says so, else `up` as an
    example. The name is by default that of the column, where the numbers are one.
    """
    name = str(getattr(numbers, "name", "") if name is None else name)
    known = sorted(number for number in numbers if number == number)
    if known and known[0] < 0:
        return ""
    top = known[-1] if known else 100
    middle = next((n for n in (known[len(known) // 2], top) if n > 0), 1.0) if known else 3.0
    open_end = f"inf,{middle:.2g}"
    if falls(name):
        share = bool(set(words_of(name)) & _SHARES)
        return f"down,0,{next((high for high in (1, 100) if share and top <= high), open_end)}"
    return next((f"up,0,{high}" for high in (1, 100) if top <= high), f"up,0,{open_end}")
