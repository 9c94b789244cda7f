"""Names that people give to columns: what a column of scores, spreads, sizes or labels may be called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bayesscale.metrics.catalogue import MetricSpec, find_metric, normalised

SIZES = ("pretrain_tokens", "finetune_tokens")
STEPS = ("pretrain_steps", "finetune_steps")
"""Sizes in steps, which `tokens_per_step` turns into tokens."""
LABELS = ("task", "mixture", "run", "seed", "signature")
NUMBERS = ("value", "se", "alignment")
COLUMNS = (*LABELS, *SIZES, *STEPS, *NUMBERS, "metric", "model_params")
"""Columns of a long metrics table, besides `share_<language>`."""
NO_MIXTURE = "none"
"""Mixture of the rows that were not pretrained."""

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
    "count": "n count num nseeds numseeds nruns numruns support nsamples numsamples",
    "signature": "signature sig",
    "best": "best min max peak sofar cummax cummin",
    "other": "err error range iqr delta diff rank margin p10 p25 p50 p75 p90 median",
}
_SPREAD_OF = {word: role for role, words in _BESIDE.items() for word in words.split()}


def _set(words: str) -> frozenset[str]:
    """Return words as a set."""
    return frozenset(words.split())


_TRAIN = {"train", "training", "trn"}
_TRAINING_LOSS = {"loss", "lossscaled", "smoothedloss"}
_EVAL = {"eval", "evaluation", "val", "valid", "validation", "dev", "test", "heldout", "holdout", "predict"}
_NEUTRAL = _set(
    "metric metrics summary results result mean avg average score scores none all overall final pct "
    "percent percentage points macroavg"
)
_AVERAGES = {"avg", "average", "mean", "overall"}
_NEUTRAL_AT_END = {"value", "total"}  # value_loss and total_loss are other losses
SIGNS = " \t_-/:.|()[]"
"""Signs between a label and the name of a score."""
_PERCENT = {"pct", "percent", "percentage"}
_SPREAD_SIGN = re.compile(r"±|\+/-|\+-")
# Words that make another quantity of a metric, and are no label: `bleu gain`, `1-acc`, `log2 loss`.
_ALTERS = _set(
    "1 gain not sum log log2 log10 neg negative minus delta diff difference improvement drop ratio change "
    "relative rel inverse inv norm normalized squared total"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])[\d]*|[A-Za-z][a-z]*\d*|\d+|\+\+|%|[^\W\d_]+")
# Words that mean one thing together: `standard error`, `95% CI`.
_TOGETHER = {
    "standard error": "stderr", "std err": "stderr", "std error": "stderr", "standard deviation": "std",
    "std dev": "std", "confidence interval": "ci", "95 % ci": "ci95", "ci 95": "ci95", "95 ci": "ci95",
    "held out": "heldout", "num seeds": "nseeds", "n seeds": "nseeds", "n runs": "nruns",
    "so far": "sofar", "running best": "best", "running max": "max", "running min": "min",
}  # fmt: skip

_UNITS = _set("k m b g t bn thousand thousands million millions billion billions trillion trillions")
_NOUNS = {
    word: kind
    for kind, words in {
        "tokens": "tokens token tok toks ntokens",
        "examples": "examples samples sentences sents pairs segments lines words documents images bitext"
        " size npairs nsents nsamples nwords ndata",
        "steps": "step steps iter iters iteration iterations update updates ckpt checkpoint checkpoints"
        " batches nsteps niter nupdates globalstep",
        "epochs": "epoch epochs",
        "model_params": "params param parameters parameter nparams nparam nparameters",
    }.items()
    for word in words.split()
}
_QUALIFIERS = _set(
    "train trained training pretrain pretraining seen consumed processed total num n nr number of count "
    "cumulative data dataset input trainer global optimizer optim opt sentence parallel corpus set non "
    "nonembedding embedding trainable active model d"
)
_TUNED = {"finetune", "finetuned", "finetuning", "ft", "sft", "fine", "tune", "tuning"}
_OTHER_NAMES = {
    "tokens": "dp d dtrain tokenbudget",
    "steps": "maxsteps batchidx",
    "finetune": "df dft dftrainsize dfsentences ftsize",
    "model_params": "n modelsize modelscale nnonembed sizem sizeb",
    "seed": "seed seeds randomseed rngseed torchseed trainseed dataseed replicate replica rep repeat trial",
    "task": "task tasks dataset datasetname benchmark evalset testset langpair languagepair lp direction"
    " pair subset taskname evaltask evaldataset testdataset domain language lang",
    "benchmark": "mmlu mmlupro hellaswag arc arcc arce arceasy arcchallenge piqa boolq winogrande gsm8k math"
    " truthfulqa lambada openbookqa obqa sciq triviaqa naturalquestions nq bbh bigbenchhard humaneval mbpp"
    " race copa commonsenseqa csqa siqa drop agieval ceval cmmlu gpqa ifeval musr xnli xcopa mnli"
    " qnli sst2 rte",
    "mixture": "mixture mix datamix datamixture pretraindata pretrainingdata corpus traindata trainingdata"
    " model system modelname systemname name runname displayname experiment experimentname variant method"
    " config arch architecture setting recipe group tagsmlflowrunname tag family",
    "run": "run runid id runuuid",
    "metric": "metric metricname key measure metrickey scorename metrictype",
    "value": "value score mean metricvalue result val scorevalue",
    "setting": "lr learningrate peaklr maxlr baselr peaklearningrate maxlearningrate batch batchsize bs gbs"
    " globalbatchsize trainbatchsize perdevicetrainbatchsize microbatchsize width depth layer layers nlayer"
    " nlayers numlayers numhiddenlayers hidden hiddensize hiddendim nembd dmodel dff dim modeldim embdim"
    " heads nheads nhead numheads numattentionheads dropout warmup warmupsteps warmupratio wd weightdecay"
    " beta1 beta2 adambeta1 adambeta2 momentum optimizer optimiser scheduler lrscheduler lrschedule schedule"
    " lrschedulertype vocab vocabsize rank lorarank lorar loraalpha alpha temperature topp topk beam beams"
    " beamsize numbeams nshot shots shot numfewshot fewshot limit seqlen seqlength sequencelength ctx"
    " contextlength maxseqlen maxlength tokenizer dtype objective clip gradclip gradaccum labelsmoothing"
    " gradientaccumulationsteps",
    "compute": "flop flops totalflos totalflops compute flos trainflops pflops computebudget",
    # what passes along a curve, and what the harness records beside a score
    "passes": "wall walltime time timestamp relativetime date datetime created createdat starttime endtime"
    " pretrainloss finetunerate finetuneepochs finetunetokensseen cell"
    " pvalue pval δ runtime duration evalruntime trainruntime elapsed elapsedtime seconds hours gpuhours"
    " samplespersecond stepspersecond gradnorm updated rowid index",
}
_MEANING = {name: meaning for meaning, names in _OTHER_NAMES.items() for name in names.split()}


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
    name = _SPREAD_SIGN.sub(" err ", name)
    words = _words(name)
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
    spec: MetricSpec | None = find_metric(name)
    return spec.name if spec else None


def _words(name: str) -> list[str]:
    """Return the words of a name in lower case, those that belong together as one."""
    text = f" {' '.join(_WORD.findall(_SPREAD_SIGN.sub(' err ', name))).lower()} "
    for parts, word in _TOGETHER.items():
        text = text.replace(f" {parts} ", f" {word} ")
    return text.split()


def _peeled(words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Yield the words without their last and without their first, and what the one taken off says."""
    for word, rest in ((words[-1], words[:-1]), (words[0], words[1:])) if len(words) > 1 else ():
        if word in _NEUTRAL or (word in _NEUTRAL_AT_END and rest == words[:-1]):
            yield rest, "", ""
        elif word in _EVAL:
            yield rest, "", "eval"
        elif word in _TRAIN:
            yield rest, "", "train"
        elif role := _SPREAD_OF.get(word):
            yield rest, role, ""
    if len(words) > 2 and (role := _SPREAD_OF.get("".join(words[-2:]))):
        yield words[:-2], role, ""
    if len(words) > 2 and (inner := _NEUTRAL & set(words[1:-1])):  # f1_score_macro
        yield tuple(word for word in words if word not in inner), "", ""


def labelled_score(name: str, declared: Mapping[str, str] = MappingProxyType({})) -> tuple[str, str] | None:
    """Return the label and the score in a name such as `hellaswag/acc_norm`; None if it is no such name.

    The longest name of a score is taken; one that is of a score alone has no label.
    """
    if score_name(name, declared):
        return None
    places = [place for place, sign in enumerate(name) if sign in SIGNS]
    for place in places:
        label, score = name[:place].strip(SIGNS), name[place + 1 :].strip(" \t_-/:.|([")
        if label and score_name(score, declared):
            return None if _alters(label) else (label, score)
    for place in reversed(places):
        score, label = name[:place].strip(SIGNS), name[place + 1 :].strip(SIGNS)
        if label and score_name(score, declared):
            return None if _alters(label) else (label, score)
    return None


def _alters(label: str) -> bool:
    """Return whether what stands beside a metric makes another quantity of it."""
    return bool(set(_words(label)) & _ALTERS) or "@" in label


def says_evaluation(label: str) -> bool:
    """Return whether a label has a word such as `eval` or `valid`."""
    return bool(set(_words(label)) & _EVAL)


def is_training(column: str, name: ScoreName, *, evaluated: bool) -> bool:
    """Return whether a score is measured in training: `loss` is, beside columns of an evaluation."""
    return name.split == "train" or (evaluated and name.split == "" and normalised(column) in _TRAINING_LOSS)


def held_out(labels: Iterable[str]) -> str | None:
    """Return the label of an evaluation among labels of which others say that they are of training."""
    known = list(labels)
    if not any(set(_words(label)) & _TRAIN for label in known):
        return None
    return next(filter(says_evaluation, known), None)


def is_average(label: str) -> bool:
    """Return whether a label says that its rows are means of others, such as `avg` or `macro average`."""
    words = set(_words(label))
    return bool(words & _AVERAGES) and words <= _AVERAGES | {"macro", "micro", "all", "score", "of"}


def spread_name(name: str) -> str | None:
    """Return which of `SPREADS` a name without a metric is, such as `stderr`; None if it is none."""
    return _SPREAD_OF.get(normalised(name)) or _SPREAD_OF.get("".join(_words(name)))


def meaning(name: str) -> str:
    """Return what a column may hold by its name: 'tokens', 'steps', 'model_params', ...; '' if unknown."""
    last = name.rpartition(".")[2].rpartition("/")[2]
    return next((found for text in dict.fromkeys((name, last)) if (found := _meaning(text))), "")


def _meaning(name: str) -> str:
    """Return what a name says by itself: one noun of sizes among words that qualify it, or a known name."""
    words = [word for word in _words(name) if word not in _UNITS and word != "%"]
    if found := _MEANING.get(normalised(name)) or _MEANING.get("".join(words)):
        return found
    kinds = {_NOUNS[word] for word in words if word in _NOUNS}
    rest = {word for word in words if word not in _NOUNS} - _QUALIFIERS
    if len(kinds) != 1:
        return ""
    (kind,) = kinds
    if rest and rest <= _TUNED and kind in ("tokens", "examples"):
        return "finetune"
    return kind if not rest or (kind in ("steps", "epochs") and rest <= _EVAL) else ""


def suggested_declaration(numbers: Iterable[float]) -> str:
    """Return what could declare a metric with such values, `up` as an example; nothing for values below 0."""
    known = sorted(number for number in numbers if number == number)
    if known and known[0] < 0:
        return ""
    top = known[-1] if known else 100
    return next(
        (f"up,0,{high}" for high in (1, 100) if top <= high),
        f"up,0,inf,{known[len(known) // 2]:.2g}" if known else "",
    )


_FACTOR = {
    word: factor
    for factor, words in {
        1e3: "k thousand tsd", 1e6: "m million mn mio", 1e9: "b g billion bn mrd", 1e12: "t trillion",
    }.items()
    for word in words.split()
}  # fmt: skip
_SCALE = "|".join(sorted(_FACTOR, key=len, reverse=True))
_WHAT = r"(?:\s*(?:of\s+)?(?:tok|param|sent|pair|example|sample|word)\w*)?"
_UNIT = re.compile(
    rf"(?:[\s_]|[(\[]\s*(?:in\s+)?)(?P<end>{_SCALE})s?\.?{_WHAT}[)\]]?\s*$"
    r"|^(?P<glued>[kmbgt])(?=tok|param|sent)"
    r"|^(?P<start>thousand|tsd|million|mn|mio|billion|bn|mrd|trillion)s?\b",
    re.IGNORECASE,
)
_POWER = re.compile(rf"[(\[]\s*(?:in\s+)?[x×*]?\s*(?:1e|10\^|10\*\*)(\d+){_WHAT}\s*[)\]]\s*$", re.IGNORECASE)
_THOUSANDS = re.compile(
    rf"[(\[]\s*(?:in\s+)?[x×*]?\s*1?((?:[,.' ’]?000)+)s?{_WHAT}\s*[)\]]\s*$", re.IGNORECASE
)


def unit_in_name(name: str) -> float:
    """Return what the sizes of a column are multiplied by after its name, 1e9 for `tokens (B)`, else 1."""
    if power := _POWER.search(name):
        return 10.0 ** int(power[1])
    if thousands := _THOUSANDS.search(name):
        return 1000.0 ** thousands[1].count("000")
    found = _UNIT.search(name.strip())
    if not found or len(name.strip()) <= len(found[0]):
        return 1.0
    return _FACTOR[(found["end"] or found["glued"] or found["start"]).lower()]
