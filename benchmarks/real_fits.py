"""The main job on curves that other people measured: the commands of a user, and what they print.

The files are read from shared/data beside the repository. Each fit is made with the command line, in a
process of its own, and asked a few questions; commands and outputs go to stdout, fits to build/real_fits/.
docs/real-curves.md shows what came out and says what looks wrong.

Run: python benchmarks/real_fits.py [name ...]
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
FITS = ROOT / "build" / "real_fits"
PROGRAM = "from bayesscale.cli.main import main; main()"
RESNET = (
    "--columns pretrain_tokens=D_p,finetune_tokens=fratio_pct,accuracy=value,task=ftask,mixture=ptask "
    "--where model=r50 --where pdata=bop --where pscale=64k --where ftask=sinclass"
)
TRANSLATION = (
    "--axis finetune_tokens --columns task=src+tgt,mixture=model,finetune_tokens=D_f_train_size "
    "--where 'D_f_train_size>=1K'"
)
NUSA = (
    "--axis finetune_tokens --where finetuned=True --columns task=source_lang+target_lang,mixture=model,"
    "finetune_tokens=D_f_sentences,bleu=BLEU_mean,bleu_se=BLEU_se,chrf=chrF2_mean,chrf_se=chrF2_se,"
    "comet=COMET_mean,comet_se=COMET_se"
)
NMT = (
    "--columns pretrain_tokens=seen_examples,mixture=model,cross_entropy=loss "
    "--where domain=NMT --where training=1"
)
# By name: file, options of the fit, and questions to it.
JOBS = {
    "nmt": ("google_benchmark_lang", NMT, ("predict {fit} --tokens 100M,512M",)),
    "syn2real": (
        "syn2real_finetune_last",
        RESNET,
        ("breaks {fit}", "predict {fit} --tokens 640K", "value {fit} --tokens 64K --delta 0.01"),
    ),
    # Where both laws do not converge, the law with a ceiling alone may.
    "syn2real-ceiling": (
        "syn2real_finetune_last",
        f"{RESNET} --law saturating",
        ("predict {fit} --tokens 640K",),
    ),
    "mbart50-ceiling": (
        "schram_mt_bilingual",
        f"{TRANSLATION} --where model=mBart50 --law saturating",
        ("predict {fit} --tokens 2M,20M --task en-id --task en-tl",),
    ),
    # No second attempt, and where said shorter chains, since these take long.
    "schram": (
        "schram_mt_bilingual",
        f"{TRANSLATION} --retries 0",
        ("predict {fit} --tokens 2M,20M --task en-id --task en-tl",),
    ),
    "schram-breaks": (
        "schram_mt_bilingual",
        f"{TRANSLATION} --breaks scores --draws 300 --tune 300 --retries 0",
        ("breaks {fit}",),
    ),
    "proxylm": (
        "proxylm_nusa_mt",
        f"{NUSA} --retries 0",
        ("predict {fit} --tokens 66K --task bew-btk --task sun-min",),
    ),
}


def main(names: list[str]) -> None:
    """Make the fits and ask the questions."""
    FITS.mkdir(parents=True, exist_ok=True)
    for name in names:
        file, options, questions = JOBS[name]
        fit = FITS / f"{name}.nc"
        run(f"fit {DATA / file}.csv {options} -o {fit} --force")
        for question in questions:
            run(question.format(fit=fit))


def run(arguments: str) -> None:
    """Run a command and print it, what it prints and how it ends."""
    shown = arguments.replace(f"{FITS}/", "").replace(f"{DATA}/", "")
    print(f"$ bayesscale {shown}", flush=True)
    start = time.perf_counter()
    command = [sys.executable, "-c", PROGRAM, *shlex.split(arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    print(done.stdout + done.stderr, end="")
    print(f"[exit code {done.returncode}, {time.perf_counter() - start:.0f} s]\n", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or list(JOBS))
