"""Names that people give to columns: what a column of scores, spreads, sizes or labels may be called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
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
# What is measured of something else than the model, and what is computed from its score.
_REFERENCES = _set(
    "baseline target random majority human oracle chance guess guessing topline ceiling reference upperbound"
)
_DERIVED = _set(
    "excess gap pred predicted prediction fit fitted reducible irreducible residual scale scaler scaling z"
    " zscore p pval pvalue d vs versus per"
)
# Terms of a training objective; as labels of scores some are languages.
_OTHER_LOSSES = _set(
    "z kl l1 l2 aux auxiliary value policy reward critic reg regularization penalty balancing balance router"
    " commitment adversarial contrastive distillation"
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
    " gradientaccumulationsteps version state status runstate runstatus jobstate jobstatus trialstate",
    "compute": "flop flops totalflos totalflops compute flos trainflops pflops computebudget",
    # what passes along a curve, and what the harness records beside a score
    "passes": "wall walltime time timestamp relativetime date datetime created createdat starttime endtime"
    " pretrainloss finetunerate finetuneepochs finetunetokensseen cell"
    " pvalue pval δ runtime duration evalruntime trainruntime elapsed elapsedtime seconds hours gpuhours"
    " samplespersecond stepspersecond gradnorm updated rowid index"
    " mfu hfu tflop tflops throughput tokenspersec tokenspersecond tokenspersecpergpu tokpersec tokspersec"
    " samplespersec stepspersec tflopspergpu gpuutil gpuutilization utilization memory maxmemory",
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
    if found := _label_and_score(name, declared):
        label, score, joined = found
        return None if _alters(label, joined) or _qualifies(label, score, declared) else (label, score)
    return None


def _label_and_score(name: str, declared: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Return what stands beside a score in a name, the score, and the sign before it; nothing after it."""
    if score_name(name, declared):
        return None
    places = [place for place, sign in enumerate(name) if sign in SIGNS]
    for place in places:
        label, score = name[:place].strip(SIGNS), name[place + 1 :].strip(" \t_-/:.|([")
        if label and score_name(score, declared):
            return label, score, name[place]
    for place in reversed(places):
        score, label = name[:place].strip(SIGNS), name[place + 1 :].strip(SIGNS)
        if label and score_name(score, declared):
            return label, score, ""
    return None


def _alters(label: str, joined: str = "") -> bool:
    """Return whether what stands beside a metric makes another quantity of it: `1-acc`, not `1-shot acc`."""
    words = _words(label)
    complement = words == ["1"] or (joined == "-" and words[-1:] == ["1"])
    return complement or bool(set(words) & _ALTERS - {"1"}) or "@" in label


def _qualifies(label: str, score: str, declared: Mapping[str, str]) -> str:
    """Return the word of a label that says that a score is not the model's own; nothing if there is none."""
    found = score_name(score, declared)
    is_loss = found is not None and found.metric == "cross_entropy"
    for part in re.split(rf"[{re.escape(SIGNS)}]+", label):
        word = part.lower()
        if is_loss and word in _OTHER_LOSSES:
            return part
        # `A bleu` and `D bleu` are systems.
        if word in _REFERENCES | _DERIVED and (len(part) > 1 or part.islower()):
            return part
    return ""


def qualified_score(
    name: str, declared: Mapping[str, str] = MappingProxyType({})
) -> tuple[str, str, bool] | None:
    """Return the metric in a name such as `excess_loss` or `human_acc`, and the word that qualifies it.

    Such a column is not the model's own score; the last part says whether it is measured of something else,
    as `human_acc` is, rather than computed from the score. None for any other name.
    """
    found = _label_and_score(name, declared)
    word = _qualifies(found[0], found[1], declared) if found else ""
    score = score_name(found[1], declared) if found and word else None
    return (score.metric, word, word.lower() in _REFERENCES) if score else None


_NUMBERED = re.compile(
    r"(?P<what>[^\W\d](?:.*?[^\W\d])?)[-_ =:#]*(?P<number>\d[\d.,]*(?:e[-+]?\d+)?[kmbgt]?)", re.IGNORECASE
)
_RUNS = _set("run runs rep reps repeat repetition replicate replica trial rng")


def numbered(labels: Iterable[str]) -> str:
    """Return what labels such as `seed1` and `seed2`, or `lr=1e-3` and `lr=3e-4`, are numbers of.

    'seed' for seeds and replicates, 'steps' or 'tokens' for checkpoints, the name of a setting as it is
    written; nothing for other labels.
    """
    matches = [_NUMBERED.fullmatch(label.strip()) for label in labels]
    names = {match["what"].rstrip("-_ =:#") if match else "" for match in matches}
    if len(names) != 1 or not (name := names.pop()):
        return ""
    kind = _meaning(name) if len(name) > 1 else ""
    if kind == "seed" or name.lower() in _RUNS:
        return "seed"
    return kind if kind in ("steps", "tokens") else name if kind == "setting" else ""


def says_evaluation(label: str) -> bool:
    """Return whether a label has a word such as `eval` or `valid`."""
    return bool(set(_words(label)) & _EVAL)


def is_training(column: str, name: ScoreName, *, evaluated: bool) -> bool:
    """Return whether a score is measured in training: `loss` is, beside columns of an evaluation."""
    return name.split == "train" or (evaluated and name.split == "" and normalised(column) in _TRAINING_LOSS)


def held_out(labels: Iterable[str]) -> str | None:
    """Return the label of an evaluation among labels of which others say that they are of training.

    Of states of runs, such as `crashed` and `finished`, the one of runs that came to their end.
    """
    known = list(labels)
    if (states := [label for label in known if label.strip()]) and are_states(states):
        return next((label for label in states if normalised(label) in _ENDED), None)
    if not any(set(_words(label)) & _TRAIN for label in known):
        return None
    return next(filter(says_evaluation, known), None)


_ENDED = _set("finished finish complete completed done success succeeded successful ok")
_UNENDED = _set(
    "crashed crash failed failure fail running pruned killed preempted preempting pending queued waiting"
    " cancelled canceled timeout terminated stopped aborted interrupted error diverged oom nodefail"
)


def are_states(labels: Iterable[str]) -> bool:
    """Return whether labels are states of runs, of which some did not come to their end."""
    states = {normalised(label) for label in labels}
    return states <= _ENDED | _UNENDED and bool(states & _UNENDED)


def is_average(label: str) -> bool:
    """Return whether a label says that its rows are means of others, such as `avg` or `macro average`."""
    words = set(_words(label))
    return bool(words & _AVERAGES) and words <= _AVERAGES | {"macro", "micro", "all", "score", "of"}


def spread_name(name: str) -> str | None:
    """Return which of `SPREADS` a name without a metric is, such as `stderr`; None if it is none."""
    return _SPREAD_OF.get(normalised(name)) or _SPREAD_OF.get("".join(_words(name)))


def meaning(name: str) -> str:
    """Return what a column may hold by its name: 'tokens', 'steps', 'model_params', ...; '' if unknown.

    'score' where a metric or a spread is in the name beside something else, as in `WER (clean)`, and for
    scores of a run, setting or checkpoint, such as `seed1`; 'passes' for what is computed from a score.
    """
    last = name.rpartition(".")[2].rpartition("/")[2]
    found = next((found for text in dict.fromkeys((name, last)) if (found := _meaning(text))), "")
    return found or _score_said(name)


@lru_cache(maxsize=4096)
def _score_said(name: str) -> str:
    """Return 'score' or 'passes' for a name that speaks of a score or of what is computed from one."""
    if qualified := qualified_score(name):
        return "score" if qualified[2] else "passes"
    # Languages have two letters, as the spread sd.
    is_spread = len(name) > 2 and spread_name(name) in ("se", "sd", "variance", "ci", "ci90", "ci95", "ci99")
    return "score" if is_spread or _label_and_score(name, MappingProxyType({})) or numbered([name]) else ""


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


_FALLS = _set(
    "loss losses ppl pplx perplexity nll ce xent entropy crossentropy err error errors wer cer ter per drop"
    " bits bpb bpc bpt mse rmse mae kl divergence distance regret degradation gap"
)
_SHARES = _set("err error errors drop")
_FALLING_ENDS = ("loss", "ppl", "perplexity", "nll", "entropy", "error")


def falls(name: str) -> bool:
    """Return whether a metric is by its name better when it is smaller; DROP alone is a benchmark."""
    words = _words(name)
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
        share = bool(set(_words(name)) & _SHARES)
        return f"down,0,{next((high for high in (1, 100) if share and top <= high), open_end)}"
    return next((f"up,0,{high}" for high in (1, 100) if top <= high), f"up,0,{open_end}")


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
