"""Files that went wrong on their way: a seeded stream of mutations of tables that people have."""

from __future__ import annotations

import io
import json
import math
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from tests.metrics.walks import write_walks

Mutation = Callable[[random.Random, str], str | bytes]

CELLS = [
    "", "NaN", "nan", "inf", "-inf", "1e999", "-1", "0", "1,5", "1.234,5", "1,234.5", "12.500", "12,500",
    "41%", "27.3 ± 0.4", "N/A", "-", "#DIV/0!", "1e9", "1B", "3 M", "10MB", "true", "None", "'",
    '"', "=1+1", "\x0b",
    "é", "０", "١", "\u2212" + "1", "1 000", "1_000", "99999999999999999999",
    "bleu", "acc_stderr", "|", "\\", "{}",
]  # fmt: skip
NAMES = [
    "loss", "eval_loss", "train_loss", "ppl", "acc,none", "acc_stderr,none", "bleu", "BLEU", "bleu_std", "se",
    "std", "step", "tokens", "N", "lr", "seed", "run", "value", "metric", "line", "path", "value_column", "",
    " ", "unread: x", "a - bleu", "a - bleu__MIN", "task", "mixture", "share_en", "alignment",
    "pretrain_tokens",
    "finetune_steps", "n",
]  # fmt: skip
OPTIONS = [
    "--columns pretrain_tokens=step", "--columns pretrain_tokens=tokens", "--columns pretrain_tokens=Step",
    "--columns pretrain_tokens=Sentences", "--melt mixture=bleu", "--melt task", "--duplicates best",
    "--duplicates mean", "--duplicates last", "--ignore lr", "--scale bleu=100", "--axis finetune_tokens",
    "--tokens-per-step 2M", "--metric 'x=up,0,9'", "--where 'step>0'",
    "--curve task", "--from-path 'm{seed}'", "--scale pretrain_tokens=1000", "--scale accuracy=0.01",
    "--scale cross_entropy=0.3", "--scale bleu=0.1",
]  # fmt: skip

# With these the whole files are accepted.
USUAL = {
    "chart.csv": "--columns pretrain_tokens=Step",
    "sweep.csv": "--columns pretrain_tokens=tokens,model_params=n_params --curve task,model_params,lr",
    "systems.csv": "--columns pretrain_tokens=Sentences --melt mixture=bleu",
    "trainer_state.json": "--columns pretrain_tokens=step",
    "table.md": "--columns pretrain_tokens=tokens",
    "rows.jsonl": "--columns pretrain_tokens=step",
    "spreads.csv": "--columns pretrain_tokens=Tokens",
}


def sources(folder: Path) -> list[tuple[str, str]]:
    """Return names and contents of whole files.

    Parameters
    ----------
    folder : Path
        An empty folder.
    """
    write_walks(folder)
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    chosen = {path.name: path for path in reversed(paths)}
    texts = [(name, path.read_text()) for name, path in sorted(chosen.items())]
    long = "task,mixture,pretrain_tokens,finetune_tokens,metric,value,se,run,seed\n" + "".join(
        f"t,m,{size}B,6M,{metric},{value + size},0.4,,1\n"
        for size in (1, 2, 4, 8)
        for metric, value in (("bleu", 20), ("chrf", 40))
    )
    markdown = "| tokens | bleu | chrf |\n|---|---|---|\n| 1B | 20.1 | 40 |\n| 4B | 22 | 43 |\n"
    lines = "\n".join(json.dumps({"step": s, "eval/bleu": 10 + s, "task": "x"}) for s in (1, 2, 4))
    spreads = "Tokens,accuracy (%),accuracy ci95,loss,ppl,chrF,chrF_std,n\n" + "".join(
        f"{size} B,{40.5 + size},.98,{3 - size / 10:.4f},{math.exp(3 - size / 10):.4f},{50.25 + size},1,4\n"
        for size in (1, 2, 4, 8)
    )
    made = [("long.csv", long), ("table.md", markdown), ("rows.jsonl", lines), ("spreads.csv", spreads)]
    return [*texts, *made]


def mutated(seed: int, wholes: list[tuple[str, str]]) -> tuple[str, bytes, str]:
    """Return the name, the content and the options of one mutated file.

    Parameters
    ----------
    seed : int
        Its number; the same number gives the same file.
    wholes : list of (str, str)
        From `sources`.
    """
    random_ = random.Random(seed)
    name, text = random_.choice(wholes)
    content: str | bytes = text
    usual = USUAL.get(name, "")
    for _ in range(random_.choice([1, 1, 1, 2, 3])):
        if isinstance(content, str):
            content = random_.choice(_MUTATIONS)(random_, content)
        else:
            content = _bytes(random_, content)
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    if random_.random() < 0.1:
        name = Path(name).stem + random_.choice([".csv", ".tsv", ".json", ".jsonl", ".md", ".parquet", ""])
    if data.startswith(b"PAR1"):
        name = f"{Path(name).stem}.parquet"
    more = random_.sample(OPTIONS, random_.choice([0, 0, 0, 1, 2]))
    # The command refuses a name that is given twice.
    given = {option.split()[0]: option for option in more if option.split()[0] not in usual}
    more = list(given.values())
    return name, data, " ".join([usual, *more]).strip()


def _table(text: str) -> tuple[list[list[str]], str]:
    """Return the cells of a text, roughly, and its separator."""
    separator = max(",;\t|", key=text.count)
    return [line.split(separator) for line in text.split("\n")], separator


def _cell(random_: random.Random, text: str) -> str:
    rows, separator = _table(text)
    for _ in range(random_.randint(1, 4)):
        row = random_.choice(rows)
        row[random_.randrange(len(row))] = random_.choice(CELLS)
    return "\n".join(separator.join(row) for row in rows)


def _value(random_: random.Random, text: str) -> str:
    places = list(re.finditer(r"\d+(\.\d+)?", text))
    if not places:
        return text
    found = random_.choice(places)
    factor = random_.choice([0.01, 0.5, 1.002, 1.01, 2, 100, 1e6])
    other = f"{float(found[0]) * factor:.6g}" if random_.random() < 0.7 else random_.choice(CELLS)
    return text[: found.start()] + other + text[found.end() :]


def _header(random_: random.Random, text: str) -> str:
    rows, separator = _table(text)
    rows[0][random_.randrange(len(rows[0]))] = random_.choice(NAMES)
    return "\n".join(separator.join(row) for row in rows)


def _column(random_: random.Random, text: str) -> str:
    rows, separator = _table(text)
    place, name = random_.randrange(len(rows[0]) + 1), random_.choice(NAMES)
    if random_.random() < 0.4:
        return "\n".join(separator.join(row[:place] + row[place + 1 :]) for row in rows)
    for number, row in enumerate(rows):
        row.insert(place, random_.choice(CELLS) if number else name)
    return "\n".join(separator.join(row) for row in rows)


def _rows(random_: random.Random, text: str) -> str:
    lines = text.split("\n")
    kind = random_.randrange(4)
    if kind == 0:
        random_.shuffle(lines)
    elif kind == 1:
        lines += random_.choices(lines, k=3)
    elif kind == 2:
        lines = lines[: random_.randrange(len(lines)) + 1]
    else:
        lines.insert(
            random_.randrange(len(lines)), random_.choice(["", "# note", "sep=;", ",,,", "total,1,2", "|--|"])
        )
    return "\n".join(lines)


def _bytes(random_: random.Random, text: str | bytes) -> bytes:
    data = bytearray(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    for _ in range(random_.randint(1, 5)):
        place = random_.randrange(len(data) + 1)
        kind = random_.randrange(3)
        if kind == 0:
            data.insert(place, random_.randrange(256))
        elif kind == 1 and place < len(data):
            data[place] = random_.randrange(256)
        else:
            del data[place : place + random_.randrange(8)]
    return bytes(data)


def _encoding(random_: random.Random, text: str) -> bytes:
    text += random_.choice(["", "é", "…"])
    return text.encode(random_.choice(["utf-16", "utf-16-le", "utf-8-sig", "latin-1", "cp1252"]), "replace")


def _separator(random_: random.Random, text: str) -> str:
    _, separator = _table(text)
    return text.replace(separator, random_.choice([",", ";", "\t", "|", " ", "  "]))


def _numbers(random_: random.Random, text: str) -> str:
    return (
        text.replace(".", ",")
        if random_.random() < 0.5
        else text.replace("0", random_.choice(["00", "0%", " 0", "O"]))
    )


def _types(random_: random.Random, text: str) -> str | bytes:
    """Change the types of JSON values, or write a text with commas as Parquet, whose columns have types."""
    if text.lstrip()[:1] in ("{", "["):
        kinds: list[Callable[[str], str]] = [
            *(lambda n: f'"{n}"', lambda n: f"[{n}]", lambda n: f'{{"x": {n}}}', lambda n: f"{n}e0"),
            *(lambda n: "null", lambda n: "true", lambda n: "NaN", lambda n: f"-{n}"),
        ]
        change, share = random_.choice(kinds), random_.choice([0.05, 1.0])
        return re.sub(
            r"(?<=: )\d+(\.\d+)?(?=[,}\n])",
            lambda m: change(m[0]) if random_.random() < share else m[0],
            text,
        )
    kind = pd.api.types.pandas_dtype(random_.choice(["string", "category", "float32", "boolean", "Int64"]))
    try:
        frame = pd.read_csv(io.StringIO(text), dtype=random_.choice([None, None, str]))
        name = random_.choice(list(frame.columns))
        frame[name] = frame[name].astype(kind)
    except (ValueError, TypeError, IndexError):
        return text
    target = io.BytesIO()
    frame.to_parquet(target)
    return target.getvalue()


_MUTATIONS: list[Mutation] = [
    *(_value, _value, _value, _value, _cell, _header, _column),
    *(_rows, _rows, _bytes, _encoding, _separator, _numbers, _types),
]


def stream(folder: Path, start: int, stop: int) -> Iterator[tuple[str, bytes, str]]:
    """Yield mutated files by their numbers.

    Parameters
    ----------
    folder : Path
        An empty folder, for the whole files.
    start, stop : int
        The first number, and the one after the last.
    """
    wholes = sources(folder)
    for seed in range(start, stop):
        yield mutated(seed, wholes)
