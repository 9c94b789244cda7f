"""The report: one file, true to its numbers, inert, and read by a real browser."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.image import imread

from bayesscale.errors import OutputExistsError, UsageError
from bayesscale.inference import Fit
from bayesscale.inference.tree import observation_coords
from bayesscale.questions.answer import html_table
from bayesscale.questions.breaks import breaks
from bayesscale.questions.rank import rank
from bayesscale.report import render, write_report
from bayesscale.report.page import _diagnostics, _prose
from bayesscale.report.terms import explained
from tests.questions.breaking import breaking
from tests.questions.made_up import MadeUp, rows
from tests.report.browser import browse

HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(2)>'",
    "عربي ‮txt.exe",
    "x" * 10_000,
    "{{ 7 * 7 }} $\\alpha$ &amp;",
)


def with_replicates(fit: Fit) -> Fit:
    """Return a fit with log likelihoods and replicates of its data."""
    coords = observation_coords(fit.curves)
    observed = np.concatenate([block.value for block in fit.curves.blocks.values()])
    rng = np.random.default_rng(1)
    shape = (2, fit.count // 2, len(observed))
    dims = ("chain", "draw", "observation")
    groups = {
        "log_likelihood": xr.Dataset({"value": (dims, np.zeros(shape))}, coords=coords),
        "posterior_predictive": xr.Dataset(
            {"value": (dims, observed + rng.standard_normal(shape))}, coords=coords
        ),
        "observed_data": xr.Dataset({"value": ("observation", observed)}, coords=coords),
    }
    own = {name: node.to_dataset() for name, node in fit.tree.children.items()}
    return replace(fit, tree=xr.DataTree.from_dict({**own, **groups}))


@pytest.fixture(scope="module")
def fit() -> Fit:
    made = MadeUp(draws=100, width=0.05, noise=0.3, table=rows().assign(run="simulated-1")).fit()
    return with_replicates(breaking(made, at=1e10))


@pytest.fixture(scope="module")
def page(fit: Fit) -> str:
    return render(fit)


@pytest.fixture(scope="module")
def hostile_page() -> str:
    """Return a page on mixtures whose names are meant to break it."""
    shares = {name: {"share_en": 1.0, "share_fr": 0.0} for name in HOSTILE}
    made = MadeUp(draws=40, width=0.05, noise=0.3, table=rows(("en-fr",), shares, (6e6,))).fit()
    return render(breaking(made, at=1e10))


class Texts(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"


def parsed(page: str) -> Texts:
    found = Texts()
    found.feed(page)
    return found


def test_the_page_needs_nothing_else(page: str) -> None:
    tags = parsed(page).tags
    assert not {tag for tag, _ in tags} & {"script", "link", "iframe", "object", "embed", "img"}
    addresses = [value or "" for _, attrs in tags for name, value in attrs.items() if name in ("href", "src")]
    assert all(address.startswith("#") for address in addresses)
    assert not re.search(r"url\((?!#)", page)


def test_every_section_of_the_contents_is_there_once(page: str) -> None:
    tags = parsed(page).tags
    wanted = [attrs["href"] for tag, attrs in tags if tag == "a"]
    names = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(wanted) == len(set(wanted)) > 6
    # Also the identifiers inside of the pictures must not meet.
    assert len(names) == len(set(names))
    assert {address[1:] for address in wanted if address} <= set(names)


def test_the_verdict_is_that_of_the_answers(fit: Fit, page: str) -> None:
    text = unescape(parsed(page).text)
    for answer in (breaks(fit), rank(fit, [1e12], metrics=["bleu"])):
        assert " ".join(answer.headline()) in text
    table = breaks(fit).frame()
    assert f"{int((table['p_broken'] >= 0.9).sum())} of {len(table)} curves are broken" in text
    assert "SIMULATED data, not measured" in text
    assert "Do not rely" not in text


def test_pictures_say_their_result_to_who_cannot_see_them(page: str) -> None:
    pictures = [attrs for tag, attrs in parsed(page).tags if attrs.get("role") == "img"]
    assert len(pictures) >= 6
    assert all(len(attrs["aria-label"] or "") > 25 for attrs in pictures)
    assert any("curves are broken" in (attrs["aria-label"] or "") for attrs in pictures)


def test_names_from_users_are_inert(hostile_page: str) -> None:
    found = parsed(hostile_page)
    assert not {tag for tag, _ in found.tags} & {"script", "img"}
    assert not [name for _, attrs in found.tags for name in attrs if name.startswith("on")]
    assert "<script>alert(1)" in found.text
    assert "{{ 7 * 7 }}" in found.text
    # The letter that turns the direction of all that follows is written out.
    assert "‮" not in hostile_page
    assert "x" * 200 not in hostile_page


def test_terms_are_explained_where_they_occur(page: str) -> None:
    told = page.split("How to read this")[1].split("<nav")[0]
    terms = re.findall(r"<dfn>(.*?)</dfn>", told)
    assert {"D_p", "D_f", "law", "P(broken)", "draws", "P(best)", "link"} <= set(map(unescape, terms))
    assert told.count("<li>") <= 4
    assert explained(["At D_p 3B."]) == [[("D_p", "tokens of pretraining")]]
    assert explained(["By cross-entropy."]) == []


def test_prose_has_commands_in_their_letters_and_no_options() -> None:
    assert (
        _prose("ask `bayesscale <b>`; --csv and --json have all") == "ask <code>bayesscale &lt;b&gt;</code>"
    )


def test_long_tables_are_closed_and_titles_not_said_twice(page: str) -> None:
    for name, opened in (("data", False), ("diagnostics", False), ("conflict", False), ("ranking", True)):
        details = re.findall(r"<details[^>]*>", page.split(f'<h2 id="{name}">')[1].split("</section>")[0])
        assert details
        assert [" open" in tag for tag in details] == [opened] * len(details)
    headings = re.findall(r"<h2 [^>]*>(.*?)</h2>", page)
    assert not [name for name in headings if f"<summary>{name} (" in page]


def test_diagnostics_are_worded_and_empty_ones_left_out(fit: Fit) -> None:
    found = {"rhat": 1.01, "rhat_of": "sd", "bad_curves": []}
    made = replace(fit, provenance={**fit.provenance, "diagnostics": found})
    (table,) = _diagnostics(made).tables.values()
    assert table.to_numpy().tolist() == [["largest R-hat of the population", "1.01", "sd"]]


def test_numbers_stand_to_the_right() -> None:
    table = pd.DataFrame({"mixture": ["50en"], "law": ["34.4 (32.8 to 35.4)"], "D_p": ["130B"]})
    kinds = re.findall(r"<td( class=num)?>", html_table(table))
    assert kinds == ["", " class=num", " class=num"]


def test_advice_where_a_target_is_given(fit: Fit) -> None:
    page = render(fit, target=24.0, budget=1e12)
    assert "For bleu at least 24 within 1T" in parsed(page).text


def test_what_cannot_be_answered_is_said(fit: Fit) -> None:
    plain = MadeUp(draws=20, width=0.05, noise=0.3, table=rows(metrics=("bleu",))).fit()
    text = unescape(parsed(render(plain)).text)
    assert "Not answered: conflict compares a score with a loss" in text
    assert "the fit has no loss" in text
    assert text.index("Not answered: conflict") > text.index("How to make it again")
    assert "Not answered: breaks can be asked of a fit that allows them" in text
    assert "Not answered: calibration compares data with their replicates" in text


def test_a_fit_that_did_not_converge_says_so_before_all_numbers() -> None:
    page = render(MadeUp(draws=20, width=0.05, noise=0.3, problems=("R-hat 1.2",)).fit())
    text = parsed(page).text
    assert text.index("Do not rely on these numbers: not converged: R-hat 1.2") < text.index("Verdict")


def test_the_same_fit_gives_the_same_page(fit: Fit, page: str) -> None:
    assert render(fit) == page


def test_the_file_is_not_replaced_unless_told(
    fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It is refused before anything is drawn.
    monkeypatch.setattr("bayesscale.report.page.render", None)
    target = tmp_path / "report.html"
    target.write_text("mine")
    with pytest.raises(OutputExistsError):
        write_report(fit, target)
    assert target.read_text() == "mine"
    with pytest.raises(UsageError, match=r"received 'report.pdf'"):
        write_report(fit, tmp_path / "report.pdf")
    with pytest.raises(UsageError, match="give both or none"):
        write_report(fit, tmp_path / "other.html", target=30.0)


def test_a_browser_shows_it_without_complaint(page: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    document, complaints = browse(path, tmp_path, "--dump-dom")
    assert complaints == []
    assert document.count('role="img"') == page.count('role="img"')


def test_a_browser_runs_nothing_of_hostile_names(hostile_page: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(hostile_page, encoding="utf-8")
    document, complaints = browse(path, tmp_path, "--dump-dom")
    assert complaints == []
    assert "<script" not in document
    assert "<img" not in document


@pytest.mark.parametrize("width", [390, 1200])
def test_a_phone_and_a_screen_see_text_and_no_overflow(page: str, tmp_path: Path, width: int) -> None:
    path, shot = tmp_path / "report.html", tmp_path / "shot.png"
    # The page is as wide as its window if nothing makes it wider; a script of the test measures that.
    script = "<script>document.title=`${document.documentElement.scrollWidth}`</script></body>"
    measured = page.replace("default-src 'none'", "default-src 'none'; script-src 'unsafe-inline'")
    path.write_text(measured.replace("</body>", script), encoding="utf-8")
    document, _ = browse(path, tmp_path, "--dump-dom", f"--window-size={width},2000")
    title = re.search(r"<title>(\d+)</title>", document)
    assert title
    # A headless window is not made narrower than 500.
    assert int(title[1]) <= max(width, 500)
    browse(path, tmp_path, f"--screenshot={shot}", f"--window-size={width},2000")
    assert imread(shot)[..., :3].std() > 0.05


def test_it_prints(page: str, tmp_path: Path) -> None:
    path, printed = tmp_path / "report.html", tmp_path / "report.pdf"
    path.write_text(page, encoding="utf-8")
    browse(path, tmp_path, f"--print-to-pdf={printed}", "--no-pdf-header-footer")
    assert printed.read_bytes().startswith(b"%PDF")
    assert printed.stat().st_size > 20_000


@pytest.mark.slow
def test_a_report_of_240_curves_is_small(tmp_path: Path) -> None:
    mixtures = {f"m{number}": {"share_en": 1.0, "share_fr": 0.0} for number in range(12)}
    table = rows(tuple(f"en-{n}" for n in range(5)), mixtures, (6e6, 42e6, 2e8, 1e9))
    made = breaking(MadeUp(draws=2000, width=0.05, noise=0.3, table=table).fit(), at=1e10)
    assert len(made.curves) == 240
    path = write_report(with_replicates(made), tmp_path / "report.html")
    assert path.stat().st_size <= 15e6
    # The first table, and its head.
    assert path.read_text(encoding="utf-8").split("</table>")[0].count("<tr") == 481
