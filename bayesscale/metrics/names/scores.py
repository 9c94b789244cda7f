"""Names of scores, and of what stands beside a score: its spread, how many runs, the best so far."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from bayesscale.metrics.catalogue import MetricSpec, find_metric, normalised
from bayesscale.metrics.names.words import EVAL, SIGNS, SPREAD_SIGN, TRAIN, word_set, words_of

SPREADS = ("se", "sd", "variance", "ci", "ci90", "ci95", "ci99", "low", "high", "count", "signature", "best",
           "other")  # fmt: skip
"""What may stand beside a score: spreads, the ends of an interval, how many, how scored, the best so far."""

_BESIDE = {
    "se": "se stderr sem standarderror",
    "sd": "std sd stdev stddev standarddeviation",
    "variance": "var variance",
    "ci": "ci conf confidence confidenceinterval interval",
    "ci90": "ci90",
    "ci95": "ci95 moe halfwidth hw",
    "ci99": "ci99",
    "low": "lower lo low cilower cilow ci95lower ci95low q025 p025",
    "high": "upper hi high ciupper cihigh ci95upper ci95high q975 p975",
    "count": "n count num runs nseeds numseeds nruns numruns support nsamples numsamples",
    "signature": "signature sig",
    "best": "best min max peak sofar cummax cummin",
    "other": "err error range iqr delta diff rank margin p10 p25 p50 p75 p90 median",
}
_SPREAD_OF = {word: role for role, words in _BESIDE.items() for word in words.split()}
_NEUTRAL = word_set(
    "metric metrics summary results result mean avg average score scores none all overall final pct "
    "percent percentage points macroavg last"
)
_NEUTRAL_AT_END = {"value", "total"}  # value_loss and total_loss are other losses
_PERCENT = {"pct", "percent", "percentage"}
# Words that make another quantity of a metric, and are no label: `bleu gain`, `1-acc`, `log2 loss`.
_ALTERS = word_set(
    "1 gain not sum log log2 log10 neg negative minus delta diff difference improvement drop ratio change "
    "reduction relative rel inverse inv norm normalized squared total"
)
REVERSING = word_set("1 inverse inv neg negative minus")
"""Those of them with which a score that rises falls."""
# What is measured of something else than the model, and what is computed from its score.
_REFERENCES = word_set(
    "baseline target random majority human oracle chance guess guessing topline ceiling reference upperbound"
)
_DERIVED = word_set(
    "excess gap pred predicted prediction fit fitted reducible irreducible residual scale scaler scaling z"
    " zscore p pval pvalue d vs versus per"
)
# Terms of a training objective; as labels of scores some are languages.
_OTHER_LOSSES = word_set(
    "z kl l1 l2 aux auxiliary value policy reward critic reg regularization penalty balancing balance router"
    " commitment adversarial contrastive distillation distill kd hinge zeroone margin triplet focal dice dpo"
)


# acc5 and Acc@5 are of the top 5; here the 5 may be examples shown, or the fifth run.
_ACC_AND_NUMBER = re.compile(rf"acc(?:uracy)?[{re.escape(SIGNS)}]+\d", re.IGNORECASE)
_WITH_SPREAD = re.compile(rf"\b(mean|avg|average)\s*(?:{SPREAD_SIGN.pattern})\s*\w+", re.IGNORECASE)
_SIGNED = re.compile(r"\|[\w#]+:[^|]+\|[\w#]+:.*")  # BLEU|nrefs:1|case:mixed|tok:13a


@dataclass(frozen=True)
class ScoreName:
    """What a column's name says of the score in it or beside it.

    `beside` is None for the score itself, else one of `SPREADS`; `split` is 'train', 'eval' or '' where the
    name does not say; `percent` whether it says that the numbers are percentages.
    """

    metric: str
    beside: str | None
    split: str
    percent: bool


def score_name(name: str, declared: Mapping[str, str] = MappingProxyType({})) -> ScoreName | None:
    """Return what a name such as `eval/BLEU_stderr` says; None if it is of no known metric.

    `declared` are the user's metrics, their full names by normalised ones.
    """
    return _score_name(name, tuple(dict(declared).items()))


@lru_cache(maxsize=1 << 14)
def _score_name(name: str, declared_pairs: tuple[tuple[str, str], ...]) -> ScoreName | None:
    """Return what `score_name` does; tables ask it of their columns many times."""
    declared = dict(declared_pairs)
    name = SPREAD_SIGN.sub(" err ", _WITH_SPREAD.sub(r"\1", _SIGNED.sub("", name)))
    words = words_of(name)
    percent = "%" in re.sub(r"\b9[059]\s*%", "", name) or bool(_PERCENT & set(words))
    if spec := _metric(name, declared):
        return ScoreName(spec, None, "", percent)
    words = [word for word in words if word != "%"]
    seen = {tuple(words)}
    queue = [(tuple(words), "", "")]
    # Words are peeled off either end until a metric is left, the fewest first.
    for left, beside, split in queue:
        if left and (metric := _metric("_".join(left), declared)):
            return ScoreName(metric, beside or None, split, percent)
        for shorter, role, part in _peeled(left):
            if shorter not in seen and not (role and beside and role != beside):
                seen.add(shorter)
                queue.append((shorter, role or beside, part or split))
    return None


def _metric(name: str, declared: Mapping[str, str]) -> str | None:
    """Return the full name of a metric that is declared or in the catalogue."""
    if found := declared.get(normalised(name)):
        return found
    spec: MetricSpec | None = None if _ACC_AND_NUMBER.search(name) else find_metric(name)
    return spec.name if spec else None


def _peeled(words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Yield the words without their last and without their first, and what the one taken off says."""
    for word, rest in ((words[-1], words[:-1]), (words[0], words[1:])) if len(words) > 1 else ():
        if word in _NEUTRAL or (word in _NEUTRAL_AT_END and rest == words[:-1]):
            yield rest, "", ""
        elif word in EVAL:
            yield rest, "", "eval"
        elif word in TRAIN:
            yield rest, "", "train"
        elif role := _SPREAD_OF.get(word):
            yield rest, role, ""
    if len(words) > 2 and (role := _SPREAD_OF.get("".join(words[-2:]))):
        yield words[:-2], role, ""
    if (
        words[-2:] in (("per", "token"), ("per", "tok"))
        and _metric("_".join(words[:-2]), {}) == "cross_entropy"
    ):
        yield words[:-2], "", ""
    if len(words) > 2 and (inner := _NEUTRAL & set(words[1:-1])):  # f1_score_macro
        yield tuple(word for word in words if word not in inner), "", ""


def labelled_score(name: str, declared: Mapping[str, str] = MappingProxyType({})) -> tuple[str, str] | None:
    """Return the label and the score in a name such as `hellaswag/acc_norm`; None if it is no such name.

    The longest name of a score is taken; one that is of a score alone has no label.
    """
    if found := label_and_score(name, declared):
        label, score, joined = found
        order = not joined and label.isdigit() and len(label) < 4  # BLEU-2, recall_5; years are labels
        altered = order or _alters(label, joined) or _qualifies(label, score, declared)
        return None if altered else (label, score)
    return None


def label_and_score(name: str, declared: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Return what stands beside a score in a name, the score, and the sign before it; nothing after it."""
    if score_name(name, declared):
        return None
    # What stands in parentheses is one thing: `acc (5-shot)`.
    outside = re.sub(r"(?<=[(\[])[^()\[\]]*[)\]]", lambda found: "x" * len(found[0]), name)
    places = [place for place, sign in enumerate(outside) if sign in SIGNS]
    for place in places:
        label, score = name[:place].strip(SIGNS), name[place + 1 :].strip(" \t_-/:.|([")
        if label and score_name(score, declared):
            return label, score, name[place]
    for place in reversed(places):
        score, label = name[:place].strip(SIGNS), name[place + 1 :].strip(SIGNS)
        if label and score_name(score, declared):
            return label, score, ""
    return None


def _alters(label: str, joined: str = "") -> str:
    """Return the word beside a metric that makes another quantity of it: `1-acc`, not `1-shot acc`."""
    words = words_of(label)
    if words == ["1"] or (joined == "-" and words[-1:] == ["1"]):
        return "1"
    return next((word for word in words if word in _ALTERS - {"1"}), "@" if "@" in label else "")


def _qualifies(label: str, score: str, declared: Mapping[str, str]) -> str:
    """Return the word of a label that says that a score is not the model's own; nothing if there is none."""
    found = score_name(score, declared)
    is_loss = found is not None and found.metric == "cross_entropy"
    if is_loss and (other := next((word for word in words_of(label) if word in _OTHER_LOSSES), "")):
        return other
    for part in re.split(rf"[{re.escape(SIGNS)}]+", label):
        word = part.lower()
        # `A bleu` and `D bleu` are systems.
        if word in _REFERENCES | _DERIVED and (len(part) > 1 or part.islower()):
            return part
    return ""


def qualified_score(
    name: str, declared: Mapping[str, str] = MappingProxyType({})
) -> tuple[str, str, bool] | None:
    """Return the metric in a name such as `excess_loss` or `human_acc`, and the word that qualifies it.

    Such a column is not the model's own score; the last part says whether it is measured of something else,
    as `human_acc` is, rather than computed from the score, as `delta_bleu` and `bleu_std` are. None for any
    other name.
    """
    spread = score_name(name, declared)
    if spread and spread.beside not in (None, "count", "signature"):
        word = next((word for word in words_of(name) if word in _SPREAD_OF), str(spread.beside))
        return spread.metric, word, False
    found = label_and_score(name, declared)
    word = _qualifies(found[0], found[1], declared) or _alters(found[0], found[2]) if found else ""
    if found and not found[2] and word == "1":  # a second column, or BLEU-1
        return None
    score = score_name(found[1], declared) if found and word else None
    return (score.metric, word, word.lower() in _REFERENCES) if score else None


def spread_name(name: str) -> str | None:
    """Return which of `SPREADS` a name without a metric is, such as `stderr`; None if it is none."""
    return _SPREAD_OF.get(normalised(name)) or _SPREAD_OF.get("".join(words_of(name)))
