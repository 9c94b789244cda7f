"""The metrics that bayesscale knows: direction, law, range, unit and what to expect of their values."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from bayesscale.errors import UsageError


@dataclass(frozen=True)
class MetricSpec:
    """What is known of a metric before any of its values is seen.

    `improves` is 'up' when larger values are better, else 'down'; `law` a key of `bayesscale.laws.LAWS`.
    Values lie within `low` and `high`, which may be infinite. `typical` is the prior median of the value at
    the largest size, `noise` that of the standard deviation of one run around the law, in the metric's
    unit. `aliases` are names under which people store it, whatever case and signs between words; `chance`
    is the value of a model that guesses, where it is the same for every task.
    """

    name: str
    improves: str
    law: str
    low: float
    high: float
    unit: str
    typical: float
    noise: float
    aliases: tuple[str, ...] = ()
    chance: float | None = None

    @property
    def factor_of_percent(self) -> float:
        """What a value in percent is multiplied by."""
        return 0.01 if self.high <= 2 else 1.0


def _score(
    name: str,
    high: float,
    unit: str,
    typical: float,
    noise: float,
    aliases: str = "",
    chance: float | None = None,
    low: float = 0.0,
) -> MetricSpec:
    """Return a score from 0 to `high` that rises with more data."""
    names = tuple(aliases.split())
    return MetricSpec(name, "up", "log-law", low, high, unit, typical, noise, names, chance)


def _loss(
    name: str, low: float, high: float, unit: str, typical: float, noise: float, aliases: str = ""
) -> MetricSpec:
    """Return a loss that falls with more data."""
    names = tuple(aliases.split())
    return MetricSpec(name, "down", "power-law", low, high, unit, typical, noise, names)


_INF = math.inf
_SPECS = (
    # Translation and other generated text
    _score("bleu", 100, "BLEU points", 25, 0.5, "sacrebleu bleu_4 corpus_bleu bleu_cased bleu_13a"),
    _score("spbleu", 100, "spBLEU points", 25, 0.5, "sp_bleu spm_bleu bleu_spm"),
    _score("chrf", 100, "chrF points", 50, 0.5, "chrf2 chr_f"),
    _score("chrfpp", 100, "chrF++ points", 47, 0.5, "chrf++ chrf2++ chrfplusplus chrf2pp"),
    _score("rouge1", 100, "ROUGE points", 40, 0.4, "rouge_1_f rouge1_f1 rouge1_fmeasure"),
    _score("rouge2", 100, "ROUGE points", 18, 0.4, "rouge_2_f rouge2_f1 rouge2_fmeasure"),
    _score("rougel", 100, "ROUGE points", 35, 0.4, "rouge_l_f rougel_f1 rougel_fmeasure"),
    _score("rougelsum", 100, "ROUGE points", 36, 0.4, "rouge_lsum rougelsum_fmeasure"),
    _score("comet", 1, "COMET, 0 to 1", 0.8, 0.005, "comet22 wmt22_comet_da comet_wmt22 comet_da_22"),
    _score("xcomet", 1, "XCOMET, 0 to 1", 0.85, 0.005, "xcomet_xl xcomet_xxl"),
    _score("cometkiwi", 1, "CometKiwi, 0 to 1", 0.75, 0.005, "cometkiwi22 kiwi wmt22_cometkiwi_da"),
    _score("bleurt", 1, "BLEURT, about 0 to 1", 0.65, 0.005, "bleurt20 bleurt_20"),
    _score("bertscore", 1, "BERTScore F1, 0 to 1", 0.85, 0.004, "bertscore_f1 bertscore_f bert_f1"),
    _score("meteor", 1, "METEOR, 0 to 1", 0.4, 0.006),
    _score("sari", 100, "SARI points", 38, 0.4),
    _score("cider", 20, "CIDEr", 1.0, 0.02, "ciderd cider_d"),
    _loss("metricx", 0, 25, "MetricX error, 0 to 25", 4, 0.06, "metricx23 metricx24 metricx_xl metricx_xxl"),
    _loss("ter", 0, _INF, "TER points", 60, 1.0, "sacre_ter translation_edit_rate"),
    _loss("wer", 0, _INF, "WER, percent", 20, 0.4, "word_error_rate"),
    _loss("cer", 0, _INF, "CER, percent", 8, 0.2, "character_error_rate char_error_rate"),
    # Right or wrong
    _score("accuracy", 1, "fraction", 0.7, 0.01, "acc acc1 top1 top1_acc top1_accuracy accuracy_top1"
           " categorical_accuracy sparse_categorical_accuracy binary_accuracy multiclass_accuracy"),
    _score("acc_norm", 1, "fraction", 0.6, 0.01, "accuracy_norm norm_acc acc_normalized"
           " normalized_accuracy length_normalized_accuracy"),
    _score("top5_accuracy", 1, "fraction", 0.85, 0.01, "acc5 top5 top5_acc accuracy_top5"),
    _score("token_accuracy", 1, "fraction", 0.6, 0.005, "token_acc next_token_accuracy masked_accuracy"),
    _score("balanced_accuracy", 1, "fraction", 0.7, 0.01, "balanced_acc bal_acc"),
    _score("exact_match", 1, "fraction", 0.5, 0.01, "em exact quasi_exact_match"),
    _score("f1", 1, "fraction", 0.7, 0.01, "f_1 f1_measure token_f1"),
    _score("f1_macro", 1, "fraction", 0.6, 0.01, "macro_f1 f1macro macro_avg_f1"),
    _score("f1_micro", 1, "fraction", 0.7, 0.01, "micro_f1 f1micro"),
    _score("f1_weighted", 1, "fraction", 0.7, 0.01, "weighted_f1"),
    _score("precision", 1, "fraction", 0.7, 0.01, "prec"),
    _score("recall", 1, "fraction", 0.7, 0.01, "rec"),
    _score("roc_auc", 1, "area, 0 to 1", 0.8, 0.01, "auc auroc auc_roc", chance=0.5),
    _score("average_precision", 1, "fraction", 0.5, 0.01, "ap map mean_average_precision pr_auc auprc"),
    _score("ndcg", 1, "nDCG, 0 to 1", 0.5, 0.01, "ndcg10 ndcg@10"),
    _score("mrr", 1, "reciprocal rank", 0.4, 0.01, "mrr10 mean_reciprocal_rank"),
    _score("mcc", 1, "correlation", 0.5, 0.02, "matthews_correlation matthews_corrcoef", 0.0, -1.0),
    _score("pearson", 1, "correlation", 0.7, 0.01, "pearsonr pearson_corr pearson_correlation", 0.0, -1.0),
    _score("spearman", 1, "correlation", 0.7, 0.01, "spearmanr spearman_rho spearman_corr", 0.0, -1.0),
    _score("mc1", 1, "fraction", 0.3, 0.01),
    _score("mc2", 1, "fraction", 0.45, 0.01),
    _score("pass@1", 1, "fraction", 0.3, 0.01, "pass_at_1 pass1"),
    _score("pass@5", 1, "fraction", 0.4, 0.01, "pass_at_5 pass5"),
    _score("pass@10", 1, "fraction", 0.5, 0.01, "pass_at_10 pass10"),
    _score("pass@100", 1, "fraction", 0.7, 0.01, "pass_at_100 pass100"),
    _score("maj@k", 1, "fraction", 0.4, 0.01, "maj_at_k majority_vote cons@k"),
    _score("win_rate", 1, "fraction", 0.5, 0.02, "lc_win_rate length_controlled_winrate", chance=0.5),
    _score("miou", 1, "fraction", 0.6, 0.01, "iou mean_iou jaccard"),
    _score("dice", 1, "fraction", 0.7, 0.01, "dice_score dice_coefficient"),
    _score("mt_bench", 10, "points, 1 to 10", 6, 0.1, "mtbench"),
    _score("psnr", 100, "dB", 30, 0.3),
    _score("ssim", 1, "SSIM, 0 to 1", 0.8, 0.01),
    _loss("error_rate", 0, 1, "fraction", 0.3, 0.01, "error top1_error err1 misclassification test_err"
          " val_err valid_err eval_err"),
    _loss("brier", 0, 2, "Brier score, 0 to 2", 0.4, 0.006, "brier_loss"),
    _loss("ece", 0, 1, "fraction", 0.1, 0.003, "expected_calibration_error calibration_error"),
    # Losses
    _loss(
        "cross_entropy", 0, _INF, "nats per token", 1.5, 0.01,
        "ce loss log_perplexity nll nll_loss ce_loss xent xe xe_loss cross_entropy_loss lm_loss log_ppl"
        " negative_log_likelihood per_token_loss token_loss loss_nats language_cross_entropy masked_lm_loss"
        " categorical_crossentropy sparse_categorical_crossentropy",
    ),
    _loss("bits_per_token", 0, _INF, "bits per token", 2.2, 0.015, "bpt loss_bits bits_loss bit_per_token"),
    _loss("bits_per_byte", 0, _INF, "bits per byte", 0.8, 0.005, "bpb bit_per_byte bits_byte"),
    _loss("bits_per_character", 0, _INF, "bits per character", 1.0, 0.007, "bpc bits_per_char"),
    _loss("perplexity", 1, _INF, "perplexity", 5, 0.05, "ppl pplx token_perplexity token_ppl perp"
          " language_perplexity"),
    _loss("word_perplexity", 1, _INF, "perplexity per word", 15, 0.15, "word_ppl wppl"),
    _loss("byte_perplexity", 1, _INF, "perplexity per byte", 1.8, 0.008, "byte_ppl"),
    _loss("mse", 0, _INF, "squared error", 0.1, 0.002, "mse_loss mean_squared_error"),
    _loss("rmse", 0, _INF, "error", 0.3, 0.005, "root_mean_squared_error"),
    _loss("mae", 0, _INF, "absolute error", 0.2, 0.004, "mean_absolute_error l1_loss"),
    _loss("fid", 0, _INF, "FID", 20, 0.4, "frechet_inception_distance"),
)  # fmt: skip

_NUMBER = r"(?:\d+\.?\d*(?:e[+-]?\d+)?|inf)"
_DECLARED = re.compile(rf"(?P<label>.+)\[(?P<declaration>(?:up|down),{_NUMBER},{_NUMBER}(?:,{_NUMBER})?)\]")


class Catalogue(dict[str, MetricSpec]):
    """Metrics by name; one that the user declared is known by its name alone, such as `reward[up,0,10]`.

    The declaration is part of the name, so that a stored fit and another process know it without being told.
    """

    def __missing__(self, name: str) -> MetricSpec:
        """Return the metric that a name declares."""
        match = _DECLARED.fullmatch(name)
        if match is None:
            raise KeyError(name)
        try:
            return declared_metric(match["label"], match["declaration"])
        except UsageError:  # a name in a file, of which nobody said that it declares anything
            raise KeyError(name) from None

    def __contains__(self, name: object) -> bool:
        """Return whether a metric is known or declares itself."""
        if dict.__contains__(self, name) or not isinstance(name, str):
            return dict.__contains__(self, name)
        try:
            return bool(self[name])
        except KeyError:
            return False


CATALOGUE = Catalogue({spec.name: spec for spec in _SPECS})
"""All metrics by name."""


def declared_metric(label: str, declaration: str) -> MetricSpec:
    """Return a metric that is not in the catalogue; UsageError for one that the laws cannot describe.

    It is declared by `up,LOW,HIGH` or `down,LOW,HIGH`, and a typical value after another comma, which is
    needed where HIGH is inf: `up,0,100` or `down,0,inf,3.5`.
    """
    parts = [part.strip().lower() for part in declaration.split(",")]
    try:
        improves, (low, high, *typical) = parts[0], [float(part) for part in parts[1:]]
        if improves not in ("up", "down") or not 0 <= low < high or math.isinf(low) or len(typical) > 1:
            raise ValueError
        middle = typical[0] if typical else (low + high) / 2
        if not low < middle < high or math.isinf(middle):
            raise ValueError
    except (ValueError, IndexError):
        raise UsageError(
            f"a metric is declared as NAME=up,LOW,HIGH or NAME=down,LOW,HIGH, with LOW at least 0 (the laws "
            f"are of positive values) and, where HIGH is inf, a typical value after it; received "
            f"{label}={declaration}; write for instance --metric {label}=up,0,100 or "
            f"--metric {label}=down,0,inf,3.5"
        ) from None
    name = f"{re.sub(r'[][=,]', '_', label.strip())}[{','.join(parts)}]"
    law = "log-law" if improves == "up" else "power-law"
    return MetricSpec(name, improves, law, low, high, f"{label} units", middle, middle * 0.02)


def normalised(name: str) -> str:
    """Return a name without case, spaces and signs between words: `ROUGE-L` is `rougel`, chrF++ `chrf++`."""
    return re.sub(r"[^\w+]|_", "", name.lower())


_BY_ANY_NAME = {normalised(name): spec for spec in _SPECS for name in (spec.name, *spec.aliases)}


def find_metric(name: str) -> MetricSpec | None:
    """Return the metric of a name or alias, or the one that a name declares; None if there is none.

    Case and the signs between words do not matter: `Cross-Entropy` is `cross_entropy`.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    return _BY_ANY_NAME.get(normalised(name))
