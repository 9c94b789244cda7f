"""Names and labels as words."""

from __future__ import annotations

import re
from functools import lru_cache


def word_set(words: str) -> frozenset[str]:
    """Return words as a set."""
    return frozenset(words.split())


TRAIN = {"train", "training", "trn"}
EVAL = {"eval", "evaluation", "val", "valid", "validation", "dev", "test", "heldout", "holdout", "predict"}
UNITS = {
    word: factor
    for factor, words in {
        1e3: "k thousand tsd тыс тысяч 千",
        1e4: "万 萬 만",
        1e5: "lakh",
        1e6: "m mm million mn mio mln млн 百万",
        1e7: "crore 千万",
        1e8: "亿 億 억",
        1e9: "b g billion bn mrd mld млрд 十亿",
        1e12: "t trillion trn трлн",
    }.items()
    for word in words.split()
}
"""What letters and words of numbers multiply by; those of more than two letters may have an s behind."""
UNITS_IN_NAMES = UNITS | {"hundred": 1e2, "mil": 1e6, "bil": 1e9, "bln": 1e9}
"""Those that the name of a column may have; in Spanish a cell of `3 mil` is 3,000."""
BYTES = {"byte": 1.0, "bytes": 1.0}
BYTES |= {f"{letter}b": 1e3**power for power, letter in enumerate("kmgt", start=1)}
BYTES |= {f"{letter}ib": 1024.0**power for power, letter in enumerate("kmgt", start=1)}
"""What units of bytes multiply by."""
SIGNS = " \t_-/:.|()[]"
"""Signs between a label and the name of a score."""
SPREAD_SIGN = re.compile(r"±|\+/-|\+-")
_DELTA = re.compile(r"[Δ∆](?=.)|(?<=.)[Δ∆]")
_WORD = re.compile(r"[A-Z]+(?![a-z])[\d]*|[A-Za-z][a-z]*\d*|\d+|\+\+|%|[^\W\d_]+")
# Words that mean one thing together: `standard error`, `95% CI`.
_TOGETHER = {
    "standard error": "stderr", "std err": "stderr", "std error": "stderr", "standard deviation": "std",
    "std dev": "std", "confidence interval": "ci", "95 % ci": "ci95", "ci 95": "ci95", "95 ci": "ci95",
    "held out": "heldout", "num seeds": "nseeds", "n seeds": "nseeds", "n runs": "nruns",
    "zero one": "zeroone", "0 1": "zeroone", "so far": "sofar",
    "running best": "best", "running max": "max", "running min": "min",
}  # fmt: skip


@lru_cache(maxsize=1 << 14)
def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name; tables ask for those of their columns many times."""
    plain = _DELTA.sub(" delta ", SPREAD_SIGN.sub(" err ", re.sub(r"@(?=\d)", "", name)))
    text = f" {' '.join(_WORD.findall(plain)).lower()} "
    for parts, word in _TOGETHER.items():
        text = text.replace(f" {parts} ", f" {word} ")
    return tuple(text.split())


def words_of(name: str) -> list[str]:
    """Return the words of a name in lower case, those that belong together as one."""
    return [*_words(name)]
