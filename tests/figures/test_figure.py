from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.image import imread

from bayesscale.errors import OutputExistsError, UsageError
from bayesscale.figures.drawing import Frame
from bayesscale.figures.figure import draw, draw_page
from bayesscale.figures.frontier import draw_frontier
from bayesscale.figures.page import round_ticks, surround
from tests.figures.test_drawing import drawing


def panels(figure: Figure) -> list[Axes]:
    return [ax for ax in figure.axes if ax.get_visible()]


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.texts)


def labels(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_one_panel_a_mixture_and_metric() -> None:
    figure = draw_page(drawing(mixtures=3, metrics=("bleu", "chrf")))
    assert [ax.get_title() for ax in panels(figure)] == ["m0", "m1", "m2"] * 2
    assert [ax.get_ylabel() for ax in panels(figure)] == ["bleu\n(points)", "", "", "chrf\n(points)", "", ""]
    assert [ax.get_xlabel() for ax in panels(figure)][3:] == ["pretrain tokens"] * 3


def test_panels_of_a_metric_share_their_axes() -> None:
    axes = panels(draw_page(drawing(mixtures=7)))
    assert len({(ax.get_xlim(), ax.get_ylim()) for ax in axes}) == 1
    assert {ax.get_xscale() for ax in axes} == {"log"}


def test_the_forecast_region_begins_at_the_last_measured_size() -> None:
    ax = panels(draw_page(drawing()))[0]
    (word,) = [text for text in ax.texts if "forecast" in text.get_text()]
    assert word.get_position()[0] == 1e10
    bands = [path.get_paths()[0].vertices for path in ax.collections if hasattr(path, "get_paths")]
    extents = [
        (vertices[:, 0].min(), vertices[:, 0].max())
        for vertices in map(np.asarray, bands)
        if len(vertices) > 4
    ]
    # For each of two lines the law over the whole range, and new measurements beyond the data.
    assert sorted(set(extents)) == [(1e9, 1e11), (1e10, 1e11)]


def test_no_forecast_region_where_nothing_lies_beyond_the_data() -> None:
    inside = drawing()
    inside = replace(inside, bands=inside.bands[inside.bands["efolds_beyond"] <= 0])
    assert [text for ax in panels(draw_page(inside)) for text in ax.texts] == []


def test_a_picture_that_must_not_be_relied_on_says_so_in_large_red() -> None:
    figure = draw_page(
        replace(drawing(), frame=Frame("", "", "not converged: R-hat 1.2. Remedy: raise --tune."))
    )
    (shout,) = [text for text in figure.texts if "NOT CONVERGED" in text.get_text()]
    assert to_rgba(shout.get_color()) == to_rgba("red")
    assert shout.get_fontsize() == max(text.get_fontsize() for text in figure.texts)
    assert "R-hat 1.2. Remedy: raise --tune." in texts(figure)
    assert "CONVERGED" not in texts(draw_page(drawing()))


@pytest.mark.parametrize("width", [2.5, 3.3, 7.0])
def test_the_warning_fits_into_pictures_of_any_width(width: float) -> None:
    figure = Figure(figsize=(width, 4.0))
    surround(
        figure, Frame("Gain of pretraining", "metrics.csv", "not converged: R-hat 1.2 of mean[bleu.gain]")
    )
    assert max(text.get_window_extent().x1 for text in figure.texts) <= figure.bbox.x1


def test_the_legend_names_sizes_interval_and_what_is_measured() -> None:
    named = labels(draw_page(drawing()))
    assert named == [
        "finetune tokens 6M",
        "finetune tokens 42M",
        "measured",
        "law: median and 90% credible band",
        "new measurement: 90% predictive interval",
    ]
    more = drawing()
    more = replace(more, points=more.points.assign(se=0.5), baseline=more.points.iloc[:1], percent="50%")
    assert labels(draw_page(more))[2:] == [
        "measured, with standard error",
        "law: median and 50% credible band",
        "new measurement: 50% predictive interval",
        "without pretraining (mean measured)",
    ]


def swatches(figure: Figure, label: str) -> list[tuple[float, ...]]:
    """Return the colours, with opacity, of a label's handle in the legend."""
    box: Any = figure.legends[0]
    number = labels(figure).index(label)
    (column,) = [
        entry
        for columns in box._legend_handle_box.get_children()
        for entry in columns.get_children()
        if entry.get_children()[1].get_text() == labels(figure)[number]
    ]
    return [to_rgba(part.get_facecolor()) for part in column.get_children()[0].get_children()]


def test_the_legend_has_the_colours_of_the_bands() -> None:
    alone = replace(drawing(mixtures=1), colour=None, panel=("task", "mixture", "finetune_tokens"))
    for page, several in ((drawing(), 2), (alone, 1)):
        figure = draw_page(page)
        bands: list[Any] = list(panels(figure)[0].collections)
        drawn = {tuple(part.get_facecolor()[0]) for part in bands}
        law = swatches(figure, "law: median and 90% credible band")
        new = swatches(figure, "new measurement: 90% predictive interval")
        assert len(set(law)) == len(set(new)) == several
        assert {*law, *new} <= drawn
        assert not set(law) & set(new)


@pytest.mark.parametrize(("mixtures", "rows"), [(4, 1), (5, 2), (6, 2), (7, 2)])
def test_a_long_row_is_wrapped(mixtures: int, rows: int) -> None:
    figure = draw_page(drawing(mixtures=mixtures))
    assert len({round(ax.get_position().y0, 3) for ax in panels(figure)}) == rows


def test_the_line_of_efficient_candidates_says_what_it_is() -> None:
    candidates = pd.DataFrame(
        {
            "cost": [1e9, 1e10],
            "reduction": [0.1, 0.4],
            "reduction_error": 0.01,
            "place": "beyond",
            "efficient": True,
        }
    )
    (figure,) = draw_frontier(candidates, ["a", "b"], Frame("title", "caption")).figures
    legend = panels(figure)[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["nothing cheaper reduces more", "beyond"]


def test_caption_and_title_are_there_whole() -> None:
    words = " ".join(f"word{number}" for number in range(80))
    figure = draw_page(replace(drawing(), frame=Frame("title", words)), "page 2 of 3")
    assert words in texts(figure).replace("\n", " ")
    assert "title - task t0 - page 2 of 3" in texts(figure)


def test_everything_lies_inside_the_figure() -> None:
    words = " ".join(["words"] * 60)
    full = replace(drawing(mixtures=7, metrics=("bleu", "chrf")), frame=Frame("title", words, words))
    for page in (drawing(mixtures=1), full):
        figure = draw_page(page)
        box = figure.get_tightbbox()
        width, height = figure.get_size_inches()
        assert min(box.x0, box.y0) >= 0
        assert box.x1 <= width
        assert box.y1 <= height


def test_labels_with_a_dollar_are_no_formula() -> None:
    odd = drawing()
    odd = replace(
        odd,
        **{name: getattr(odd, name).replace({"m0": "$x_{1$", "m1": "a$b$c"}) for name in ("bands", "points")},
        frame=Frame("title", "costs 5$ or 6$"),
    )
    figure = draw_page(odd)
    figure.draw_without_rendering()
    assert [ax.get_title() for ax in panels(figure)] == [r"\$x_{1\$", r"a\$b\$c"]


def test_extreme_intervals_do_not_dwarf_the_data() -> None:
    wide = drawing()
    points = wide.points.assign(value=np.resize([10.0, 30.0], len(wide.points)))
    ax = panels(draw_page(replace(wide, points=points, bands=wide.bands.assign(upper=1e6))))[0]
    low, high = ax.get_ylim()
    assert low <= 10.0
    assert 30.0 < high < 60.0


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1e9, 1.3e12, [1e9, 1e10, 1e11, 1e12]),
        (10, 1e8, [10, 1e3, 1e5, 1e7]),
        (0.8, 70, [1, 10]),
        (2e9, 4e10, [3e9, 1e10, 3e10]),
        (3e9, 8e9, [5e9]),
    ],
)
def test_ticks(low: float, high: float, expected: list[float]) -> None:
    found = round_ticks(low, high)
    if len(expected) > 1:
        assert found == pytest.approx(expected)
    assert 1 < len(found) <= 4
    assert all(low <= size <= high for size in found)


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_the_same_picture_is_the_same_file(tmp_path: Path, suffix: str) -> None:
    picture = draw(drawing(mixtures=1))
    contents = []
    for name in ("a", "b"):
        (path,) = picture.save(tmp_path / name / f"fit.{suffix}")
        contents.append(path.read_bytes())
    assert contents[0].startswith({"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[suffix])
    assert contents[0] == contents[1]
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == [f"fit.{suffix}"] * 2


def test_pages_are_numbered_files_or_one_document(tmp_path: Path) -> None:
    picture = draw(drawing(mixtures=25))
    assert len(picture.figures) == 2
    assert [path.name for path in picture.save(tmp_path / "fit.PNG")] == ["fit-1.PNG", "fit-2.PNG"]
    assert [path.name for path in picture.save(tmp_path / "fit.pdf")] == ["fit.pdf"]
    assert imread(tmp_path / "fit-2.PNG").std() > 0.01


def test_nothing_is_overwritten_without_force(tmp_path: Path) -> None:
    picture, path = draw(drawing(mixtures=1)), tmp_path / "fit.png"
    path.write_text("mine")
    with pytest.raises(OutputExistsError, match="--force"):
        picture.save(path)
    assert path.read_text() == "mine"
    picture.save(path, force=True)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_the_suffix_says_the_format(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"received 'fit.jpg'; valid: \.pdf, \.png, \.svg"):
        draw(drawing(mixtures=1)).save(tmp_path / "fit.jpg")


def test_a_picture_gives_its_numbers() -> None:
    shown = drawing()
    assert draw(shown).frame().equals(shown.bands)
