"""Names of columns: what a metrics table calls them, and what a column of any other name may hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType

from bayesscale.metrics.catalogue import normalised
from bayesscale.metrics.names.scores import label_and_score, qualified_score, spread_name
from bayesscale.metrics.names.words import EVAL, TRAIN, UNITS_IN_NAMES, word_set, words_of

SIZES = ("pretrain_tokens", "finetune_tokens")
STEPS = ("pretrain_steps", "finetune_steps")
"""Sizes in steps, which `tokens_per_step` turns into tokens."""
LABELS = ("task", "mixture", "run", "seed", "signature")
NUMBERS = ("value", "se", "alignment")
COLUMNS = (*LABELS, *SIZES, *STEPS, *NUMBERS, "metric", "model_params")
"""Columns of a long metrics table, besides `share_<language>`."""
NO_MIXTURE = "none"
"""Mixture of the rows that were not pretrained."""

_UNITS = {*UNITS_IN_NAMES, *(f"{word}s" for word in UNITS_IN_NAMES if len(word) > 2)}
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
_QUALIFIERS = word_set(
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
    " gradientaccumulationsteps version",
    "score": "nist distinct distinct1 distinct2 distinct3 dist1 dist2 selfbleu mauve",
    "remark": "state status runstate runstatus jobstate jobstatus trialstate notes note comment comments"
    " remark remarks user author owner host hostname node gpu gputype device commit"
    " gitcommit githash sweep tags job jobtype stopped earlystop"
    " earlystopped earlystopping isbest converged finished completed patience patienceleft",
    "compute": "flop flops totalflos totalflops compute flos trainflops pflops computebudget",
    # what passes along a curve, and what the harness records beside a score
    "passes": "updatedat lastupdated finishedat startedat heartbeat heartbeatat"
    " timestamp date datetime created createdat starttime endtime"
    " pretrainloss finetunerate finetuneepochs finetunetokensseen cell"
    " pvalue pval δ gpuhours traintime evaltime gradnorm updated rowid index mfu hfu tflop tflops"
    " tflopspergpu gpuutil gpuutilization utilization"
    " loggingsteps savesteps evalaccumulationsteps",
}
# Times, memory and costs: one of the first, and nothing but the others beside it.
_COSTS = word_set(
    "time wall walltime wallclock elapsed runtime duration seconds secs minutes mins hours memory mem vram"
    " usd throughput workers"
)
_A_TIME = word_set("second sec s minute min hour h hr")
_OF_COSTS = (EVAL | TRAIN | _A_TIME) | word_set(
    "step iter iteration batch epoch per ms m gb mib gib peak max mean avg total num gpu cuda cpu allocated"
    " reserved used relative process clock cost price data dataloader preprocessing"
)
# How many sentences are decoded at once changes no score.
_DECODED = EVAL | word_set("decode decoding inference generation")
BATCH = word_set("batch batchsize bs gbs")
"""Words for a batch of examples."""
OF_BATCHES = word_set("size global train training total effective micro per device gpu tokens sequences")
"""Words that may stand beside them."""
_MEANING = {name: meaning for meaning, names in _OTHER_NAMES.items() for name in names.split()}


@lru_cache(maxsize=1 << 14)
def meaning(name: str) -> str:
    """Return what a column may hold by its name: 'tokens', 'steps', 'model_params', ...; '' if unknown.

    'score' where a metric or a spread is in the name beside something else, as in `WER (clean)`, and for
    scores of a run, setting or checkpoint, such as `seed1`; 'passes' for what is computed from a score.
    """
    last = name.rpartition(".")[2].rpartition("/")[2]
    found = next((found for text in dict.fromkeys((name, last)) if (found := _meaning(text))), "")
    return found or _score_said(name)


def _score_said(name: str) -> str:
    """Return 'score' or 'passes' for a name that speaks of a score or of what is computed from one."""
    if qualified := qualified_score(name):
        return "score" if qualified[2] else "passes"
    # Languages have two letters, as the spread sd.
    is_spread = len(name) > 2 and spread_name(name) in ("se", "sd", "variance", "ci", "ci90", "ci95", "ci99")
    return "score" if is_spread or label_and_score(name, MappingProxyType({})) or numbered([name]) else ""


def _meaning(name: str) -> str:
    """Return what a name says by itself: one noun of sizes among words that qualify it, or a known name."""
    words = [word for word in words_of(name) if word not in _UNITS and word != "%"]
    if found := _MEANING.get(normalised(name)) or _MEANING.get("".join(words)):
        return found
    if _changes_no_score(words):
        return "passes"
    kinds = {_NOUNS[word] for word in words if word in _NOUNS}
    rest = {word for word in words if word not in _NOUNS} - _QUALIFIERS
    if len(kinds) != 1:
        return ""
    (kind,) = kinds
    if rest and rest <= _TUNED and kind in ("tokens", "examples"):
        return "finetune"
    return kind if not rest or (kind in ("steps", "epochs") and rest <= EVAL) else ""


def _changes_no_score(words: Sequence[str]) -> bool:
    """Return whether words are of a time, speed, memory or cost, or of the batches of an evaluation."""
    said = set(words)
    costs = said & _COSTS and said <= _COSTS | _OF_COSTS and words != ["time", "step"]
    speed = any(first == "per" and second in _A_TIME for first, second in pairwise(words))
    batches = said & _DECODED and said & BATCH and said <= _DECODED | BATCH | OF_BATCHES
    return bool(costs or speed or batches)


_NUMBERED = re.compile(
    r"(?P<what>[^\W\d](?:.*?[^\W\d])?)[-_ =:#]*(?P<number>\d[\d.,]*(?:e[-+]?\d+)?[kmbgt]?)", re.IGNORECASE
)
_RUNS = word_set("run runs rep reps repeat repetition replicate replica trial rng")


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
