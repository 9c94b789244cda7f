"""Names from the wild: recognised, or answered with a suggestion that works, and never another metric's."""

from __future__ import annotations

from pathlib import Path

import pytest

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.names.columns import meaning
from bayesscale.metrics.names.scores import score_name
from bayesscale.metrics.options import Options
from bayesscale.metrics.problems import MetricsError
from bayesscale.metrics.read import read_cells, read_metrics
from bayesscale.metrics.sources.files import load_table
from bayesscale.metrics.tidy.units import size_factor


def words(text: str) -> list[str]:
    """Return the words of a text."""
    return text.split()


# What people call metrics in logs of Hugging Face, Lightning, fairseq, joeynmt, Megatron,
# lm-evaluation-harness, HELM, sacreBLEU, COMET and torchmetrics; a line is a metric and its names.
METRICS = """
bleu: bleu BLEU eval_bleu eval/bleu val_bleu test/BLEU sacrebleu metrics.bleu valid_bleu dev_bleu
bleu: BLEU-4 Test|BLEU
bleu: test_sacrebleu bleu_score BLEU↑ best-of(bleu)
spbleu: spBLEU eval/spbleu
chrf: chrF chrF2 eval_chrf test_chrF2_mean
chrfpp: chrF++ chrf_pp chrF2++ eval/chrf++
rouge1: rouge1 eval_rouge1 metrics.rouge1 ROUGE-1 rouge1_fmeasure
rouge2: rouge2 ROUGE_2 metrics.rouge2
rougel: rougeL ROUGE-L eval_rougeL metrics.rougeL
rougelsum: rougeLsum eval_rougeLsum
comet: COMET comet22 eval/comet wmt22-comet-da
xcomet: XCOMET xCOMET-XL
cometkiwi: CometKiwi cometkiwi22
bleurt: BLEURT BLEURT-20 eval_bleurt
bertscore: BERTScore bertscore_f1 eval/bert_score
meteor: METEOR eval_meteor
metricx: MetricX metricx-23
ter: TER eval_ter
wer: WER eval_wer val/wer test_wer
cer: CER eval_cer
accuracy: acc accuracy eval_accuracy val/acc val_acc acc,none test_acc_mean top1
accuracy: Acc@1 top-1_accuracy eval/accuracy
acc_norm: acc_norm acc_norm,none eval/acc_norm
top5_accuracy: top5 Acc@5 val_acc5
exact_match: em exact_match EM exact_match,strict-match eval_exact_match
f1: f1 F1 eval_f1 f1_score f1,none test/F1
f1_macro: macro_f1 f1_macro eval_f1_macro
mcc: matthews_correlation eval_matthews_correlation
pearson: pearsonr eval_pearson
spearman: spearmanr
roc_auc: AUROC roc_auc val_auc
pass@1: pass@1 pass_at_1 humaneval_pass@1
pass@10: pass@10
win_rate: win_rate winrate lc_win_rate
brier: brier_score Brier
error_rate: error test_error val_error_rate top1_error
token_accuracy: mean_token_accuracy eval/token_acc
cross_entropy: loss eval_loss val_loss validation_loss eval/loss nll cross_entropy CE test-loss valid_nll_loss
cross_entropy: lm_loss dev/loss xent validation/loss Val.Loss log_perplexity
perplexity: ppl perplexity val_ppl eval_perplexity valid_ppl PPL
word_perplexity: word_perplexity word_perplexity,none
byte_perplexity: byte_perplexity
bits_per_byte: bits_per_byte bpb eval/bpb
bits_per_character: bpc bits_per_character
bits_per_token: bits_per_token
"""
# A second collection: W&B, lm-eval, fairseq, HF evaluate, Keras, Megatron, OLMo, MosaicML, leaderboards.
METRICS += """
cross_entropy: train/eval_loss validation/lm_loss_validation lm-loss-validation eval/CrossEntropyLoss
cross_entropy: metrics/eval/LanguageCrossEntropy eval/pile/CrossEntropyLoss held_out_loss nll_per_token
cross_entropy: test.cross_entropy categorical_crossentropy val_masked_lm_loss
perplexity: lm-loss-validation_ppl eval/LanguagePerplexity eval/c4_en-validation/Perplexity wikitext_ppl
word_perplexity: wikitext/word_perplexity
bits_per_byte: bits_per_byte,none val/bits-per-byte
accuracy: sparse_categorical_accuracy val_binary_accuracy MulticlassAccuracy overall_accuracy mmlu_acc
acc_norm: acc_norm(%) length_normalized_accuracy
exact_match: exact_match,flexible-extract exact_match,get-answer squad_em
f1: squad_f1 eval_overall_f1
f1_macro: test_f1_score_macro macro-avg/f1-score
f1_weighted: weighted-avg_f1-score
bleu: nmt_bleu tokenized_bleu valid/BLEU4 eval_sacrebleu_score test_bleu_cased
chrf: chrf_score
rougel: rougeL_fmeasure eval_rouge_l
win_rate: AlpacaEval_LC_winrate
pass@1: humaneval/pass@1 mbpp_pass_at_1
roc_auc: val_roc_auc_score AUC-ROC
error_rate: test_err
mrr: MRR@10
"""
NAMES = [
    (metric, name)
    for line in METRICS.split("\n")
    if line
    for metric, names in [line.split(": ")]
    for name in names.split()
]

SIZES = words(
    """
    tokens tokens_seen train_tokens n_tokens num_tokens total_tokens consumed_tokens
    num_input_tokens_seen D D_p Tokens tokens(B) throughput/total_tokens train/tokens data.tokens
    step steps global_step Step _step trainer/global_step iteration iter update num_updates epoch
    sentences samples examples seen_examples num_samples train_size dataset_size consumed_samples
    train/num_tokens total_train_tokens tokens_consumed num_tokens_trained n_train_examples
    pretraining_tokens_B
    training_iteration opt_step throughput/total_samples #steps cumulative_tokens optim/step ntokens_B
    """
)
MODEL_SIZES = words(
    """
    N params n_params num_params model_size parameters n_parameters config.n_params Params(M)
    total_params non_embedding_params model_params_B #params N(M) parameter_count
    """
)

# None of these is a metric of the catalogue under another name, or a score at all.
OTHERS = words(
    """
    bleu_std acc_stderr acc_stderr,none rouge1_ci loss_se bleu_min bleu_max bleu1 rouge3 chrf3
    chrf1 BLEURTx wmt20-comet-da grad_norm learning_rate loss_scale lr samples_per_second
    train_runtime gpu_util perplexity_rank likelihood_diff pct_stereotype reward rouge1_precision
    rouge1_recall comet_distil f2 acc_bytes value_loss total_loss aux_loss load_balancing_loss z_loss kl_loss
    policy_loss reward_loss loss_ratio loss_delta acc_drop num_acc grad_accum bleu_bp bleu_sys_len top3_acc
    recall@5 precision@1 hits@1 map50 dice_loss chance_accuracy valid_best_loss bertscore_precision
    """
)


def answer(path: Path, name: str, size: str = "pretrain_tokens", value: float = 25) -> list[str]:
    """Return the metrics that a file is read with, if need be by the options that its refusal names."""
    path.write_text(f"{size};{name}\n1;{value}\n2;{value}\n")
    try:
        return list(read_metrics(path).metrics)
    except MetricsError as error:
        if error.accepted is None:
            return []
        options = Options()
        given = list(error.accepted)
        for option, text in zip(given[::2], given[1::2], strict=True):
            options = options.with_option(f"{option} '{text}'")
        return list(read_cells(load_table(path), options).metrics)


def test_there_are_as_many_names_as_promised() -> None:
    assert len(NAMES) >= 118
    assert len(SIZES) + len(MODEL_SIZES) >= 31
    assert len(set(NAMES)) == len(NAMES)


def test_metrics_are_recognised_or_answered_and_never_another(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    found = {name: answer(path, name, value=CATALOGUE[metric].typical) for metric, name in NAMES}
    wrong = [(name, found[name], metric) for metric, name in NAMES if found[name] not in ([metric], [])]
    unanswered = [name for _, name in NAMES if not found[name]]
    assert wrong == []
    assert len(unanswered) <= 0.05 * len(NAMES), unanswered


def test_sizes_are_suggested_so_that_the_table_is_accepted(tmp_path: Path) -> None:
    found = {name: answer(tmp_path / "m.csv", "bleu", name) for name in SIZES}
    assert {name for name, metrics in found.items() if metrics != ["bleu"]} == set()


@pytest.mark.parametrize("name", MODEL_SIZES)
def test_model_sizes_are_known_for_what_they_are(name: str) -> None:
    assert meaning(name) == "model_params"


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_score_of_the_catalogue_is_never_taken_for_one(name: str) -> None:
    found = score_name(name)
    assert found is None or found.beside is not None


def test_names_say_the_split_the_unit_and_what_stands_beside() -> None:
    loss = score_name("train/loss")
    assert loss is not None
    assert (loss.metric, loss.split) == ("cross_entropy", "train")
    percent = score_name("Accuracy (%)")
    assert percent is not None
    assert percent.percent
    assert size_factor("tokens (B)") == size_factor("train_tokens_B") == 1e9
    assert size_factor("nparam_M") == size_factor("params in millions") == 1e6
    assert size_factor("tokens") == size_factor("B") == size_factor("BLEU") == 1
