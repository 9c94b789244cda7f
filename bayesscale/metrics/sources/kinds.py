"""Files that are no tables which can be read, by how they begin, and the way from each to one that can."""

from __future__ import annotations

import re

_TO_CSV = ".to_csv('table.csv', index=False)"
_BINARY = {
    b"PK\x03\x04": "a zip archive or an Excel workbook: unpack it (unzip), or export the sheet as CSV",
    b"\x1f\x8b": "compressed with gzip: unpack it first (gunzip)",
    b"\xfd7zXZ\x00": "compressed with xz: unpack it first (unxz)",
    b"BZh": "compressed with bzip2: unpack it first (bunzip2)",
    b"\x28\xb5\x2f\xfd": "compressed with zstd: unpack it first (unzstd)",
    b"\x89HDF": "an HDF5 or NetCDF file, perhaps a fit: a metrics table is CSV, TSV, Parquet or JSONL",
    b"SQLite": "a SQLite database: export the table as CSV",
    b"ARROW1": f"an Arrow or Feather file; in pandas: pandas.read_feather(FILE){_TO_CSV}",
    b"\x93NUMPY": f"an array of NumPy; in pandas: DataFrame(numpy.load(FILE), columns=NAMES){_TO_CSV}",
    b"\x80\x04": f"a pickle; in pandas, if you trust it: pandas.read_pickle(FILE){_TO_CSV}",
    b"%PDF": "a PDF: copy its table into a spreadsheet, and export that as CSV",
}
_LOOKED_AT = 20_000
EVENTS = (
    "event files of TensorBoard: download its scalars as CSV there, or in Python: "
    "tbparse.SummaryReader(FOLDER).scalars.to_csv('table.csv', index=False)"
)
_KEY = r"[\"']?[A-Za-z_][\w ]*[\"']?:"
_ASSIGNED = r"[A-Za-z_]\w*\s*[=:]\s*[-+]?\.?\d[\d.eE+-]*"
_SAID = r"[A-Za-z_](?:\s*[:=]\s*[-+]?\.?\d|\s+\d+\.\d)"
_BARS = (
    r"tr '\r' '\n' < FILE | sed -nE "
    r"'s#.*\| *([0-9]+)/[0-9]+ \[[^,]*,( *[^,=]*/[a-z]+,)? *([^]]*=[^]]*)\].*#step=\1 \3#p' > NEW"
)
_TEXTS = {
    r"<\?xml": f"XML; in pandas: pandas.read_xml(FILE){_TO_CSV}",
    r"<(?:!doctype|html|head|body|div|table|h\d|p)\b": f"HTML; in pandas: pandas.read_html(FILE)[0]{_TO_CSV}",
    r"(?:.*\n)*?(?:\s*\\(?:begin\{|hline|toprule)|[^\"\n&]*&[^\"\n]*\\\\\s*$)":
        "LaTeX: write tabs for &, without \\\\ and commands, or export what the table was made of",
    r"(?:INSERT INTO|CREATE TABLE)\b": "SQL: export what it selects as CSV",
    r"\[\[?[A-Za-z_][\w.]*\]\]?\s*\n": "TOML; in pandas: DataFrame(tomllib.load(open(FILE, 'rb'))[NAME])"
        f"{_TO_CSV}",
    rf"(?:---\s*\n\s*)?(?:- )?{_KEY}(?: [^,;|\t\n]*)?\n\s*(?:- )?{_KEY}":
        f"YAML; in pandas: pandas.json_normalize(yaml.safe_load(open(FILE))){_TO_CSV}",
    r"(?:.*\n)*?.*\d%\|.*\| *\d+/\d+ \[":
        f"a log with bars of progress: write their steps and training scores as names and numbers by {_BARS}",
    rf"(?:step|iter(?:ation)?|epoch|update)\s*\d+\s*:|.* \| [^\n|]*{_SAID}[^\n|]* \| .*{_SAID}":
        "a log: write one JSON object a line for each evaluation, in Python by json.dumps(row)",
    rf"(?:[^,;|\t\n=]*\n(?:.*\n)*?)?[^,;|\t\n=]*\b{_ASSIGNED}[\s,;|]+{_ASSIGNED}":
        "lines of names and numbers among others: keep lines such as 'step=100 loss=2.3', as by "
        "grep 'loss=', or write one JSON object a line, in Python by json.dumps(row)",
}  # fmt: skip


def no_table(content: bytes) -> str | None:
    """Return what binary content is and what makes a table of it; None where it is not known."""
    if b"brain.Event" in content[:64]:
        return f"among the {EVENTS}"
    return next((hint for magic, hint in _BINARY.items() if content.startswith(magic)), None)


def no_table_text(text: str) -> str | None:
    """Return what a text is that is no table, and what makes one of it; None where it may be one."""
    body = re.sub(r"\A(?:\s*(?:[#%].*)?\n)+", "", text[:_LOOKED_AT]).lstrip()
    found = (hint for kind, hint in _TEXTS.items() if re.match(kind, body, re.IGNORECASE | re.MULTILINE))
    return next(found, None)
