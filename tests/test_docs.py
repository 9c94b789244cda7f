"""The documentation: generated parts are what they would be now, links lead somewhere, the site builds."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

# [text](target) of Markdown, without pictures' titles and without addresses on the web.
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)(#[^)]*)?\)")


@pytest.fixture(scope="module")
def generator(root: Path) -> ModuleType:
    """Return docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("generate", root / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_what_would_be_generated_now(generator: ModuleType) -> None:
    stale = [
        str(path) for path, text in generator.documents().items() if path.read_text(encoding="utf-8") != text
    ]
    assert stale == [], "run python docs/generate.py"


def test_every_command_and_every_document_is_in_the_reference(root: Path, generator: ModuleType) -> None:
    from docs.reference import commands

    text = (root / "docs" / "reference.md").read_text(encoding="utf-8")
    for name, command in commands().items():
        assert f"### {name}\n" in text
        if any("--json" in parameter.opts for parameter in command.params):
            assert f"### {name} --json\n" in text


def test_fields_that_programs_read_stay(generator: ModuleType, root: Path) -> None:
    # What version 0.1.0 wrote; a field may be added and none may go.
    from tests.documents import documents

    kept = json.loads((root / "tests" / "json_fields.json").read_text(encoding="utf-8"))
    assert set(documents()) == set(kept)
    for name, document in documents().items():
        for field, inner in kept[name].items():
            assert field in document, name
            value = document[field]
            own = value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else value
            assert set(inner or ()) <= set(own if isinstance(own, dict) else ()), f"{name}: {field}"


def test_the_readme_is_short(root: Path) -> None:
    assert len((root / "README.md").read_text(encoding="utf-8").split()) <= 600


def test_links_between_pages_lead_to_files(root: Path) -> None:
    pages = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]
    missing = [
        f"{page.relative_to(root)}: {target}"
        for page in pages
        for target, _ in _LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert missing == []


def test_the_site_builds_without_a_warning(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--quiet",
        "--site-dir",
        str(tmp_path / "site"),
    ]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert (tmp_path / "site" / "evidence" / "index.html").is_file()


def test_the_tour_was_run_and_shows_no_error(root: Path) -> None:
    book = json.loads((root / "docs" / "tour.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert len(code) <= 10
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert any("text/html" in output.get("data", {}) for output in outputs)


def test_sentences_of_the_front_pages_are_short(root: Path) -> None:
    for name in ("README.md", "docs/pictures.md", "docs/arviz.md", "docs/notes.md"):
        page = (root / name).read_text(encoding="utf-8")
        text = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
        text = re.sub(r"^(    |\||#|!?\[|<).*$", "", text, flags=re.MULTILINE)
        sentences = [len(part.split()) for part in re.split(r"[.:;?]\s|\n\n|\n- ", text) if part.strip()]
        assert sorted(sentences)[int(0.9 * len(sentences))] <= 25, name
