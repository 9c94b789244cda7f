"""A study file: what it may hold, and that everything wrong with it is said at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from bayesscale.errors import StudyError
from bayesscale.harness.study.config import Study
from bayesscale.harness.study.load import load_study, parse_study


def _broken(text: str, old: str, new: str) -> str:
    """Return the message about a study in which something was replaced."""
    assert old in text
    with pytest.raises(StudyError) as caught:
        parse_study(text.replace(old, new))
    return str(caught.value)


def test_a_valid_study_has_types(small_text: str) -> None:
    study = parse_study(small_text)
    assert study.pretraining.checkpoints == (1000, 4000)
    assert study.finetuning.sizes == (1000, "full")
    assert study.mixture("50ka+50lo").shares == {"ka": 0.5, "lo": 0.5}
    assert study.mixture("ka").shares == {"ka": 1.0}
    assert study.languages == ("ka", "lo")


def test_paths_begin_at_the_study_file(tmp_path: Path, small_text: str) -> None:
    (tmp_path / "s.toml").write_text(small_text)
    assert load_study(tmp_path / "s.toml").path("a/b.txt") == tmp_path / "a/b.txt"
    assert load_study(tmp_path / "s.toml").path("/a/b.txt") == Path("/a/b.txt")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('name = "small"', 'name = "a b"', ["name: a name consists of letters", "'a b'"]),
        ('name = "small"', "", ["name: is missing"]),
        ('name = "small"', 'name = "small"\nseeds = [0, 0]', ["seeds: 0 is there 2 times"]),
        ('name = "small"', 'name = "small"\nseeds = []', ["seeds: has at least 1 entry; received []"]),
        (
            'name = "small"',
            'name = "small"\ncolour = 1',
            ["colour: is no part of a study", "valid: artificial"],
        ),
        ("batch = 4\nlength", "batsch = 4\nlength", ["pretraining.batsch: ", "did you mean 'batch'?"]),
        ("batch = 4\nlength", "batch = 0\nlength", ["pretraining.batch: is greater than 0; received 0"]),
        ("batch = 4\nlength", "batch = 4.5\nlength", ["pretraining.batch: is a whole number; received 4.5"]),
        ("batch = 4\nlength", "batch = 4\naccumulate = 3\nlength", ["accumulate divides batch", "3 and 4"]),
        (
            '["1K", "4K"]',
            '["4K", "1K"]',
            ["each checkpoint is larger than the one before; received [4000, 1000]"],
        ),
        ('["1K", "4K"]', "[]", ["pretraining.checkpoints; received none; add at least one size"]),
        ('["1K", "4K"]', "[1000, 1001]", ["at least one step of batch x length = 128 tokens apart"]),
        ('["1K", "4K"]', '["1K", "4X"]', ["pretraining.checkpoints[1]: a size is", "received '4X'"]),
        (
            '["1K", "4K"]',
            '{ first = "1K", last = "4K", cuont = 3 }',
            ["did you mean 'count'?", "count: is missing"],
        ),
        ('["1K", "4K"]', '{ first = "4K", last = "1K", count = 3 }', ["first is smaller than last"]),
        ("batch = 100", "batch = 63", ["holds the longest pair, 2 x length; received 63 and length = 32"]),
        (
            "steps = 12\nepochs = 0.1\n",
            "steps = 9\n",
            ["D_f = 1,000: 9 steps of 100 tokens see 0.9 of the 1,000 tokens", "epochs = 0 to allow it"],
        ),
        ('["1K", "4K"]\n', '["1K", "4K"]\ncompile = "no"\n', ["is true, false or 'auto'; received 'no'"]),
        (
            '"50ka+50lo"',
            '"50ka+40lo"',
            ["mixtures[0].shares: shares sum to 1", "ka 0.5, lo 0.4", "sum to 0.9"],
        ),
        ('"50ka+50lo"', '"50ka+50ka"', ["mixtures[0]: a mixture names each language once"]),
        ('"50ka+50lo"', '"50ka+50"', ["such as 70en+30fr", "received '50ka+50'"]),
        ('"50ka+50lo"', '"50ka+50xx"', ["has a share of 'xx', of which there is no text; valid: ka, lo"]),
        (
            '"50ka+50lo"',
            '{ name = "mine", shares = { ka = 1.5, lo = -0.5 } }',
            ["mixtures[0].shares.ka", "mixtures[0].shares.lo"],
        ),
        ('"50ka+50lo"', '"ka"', ["mixtures: 'ka' is there 2 times"]),
        (
            '"50ka+50lo"',
            '{ name = "mine", shares = { ka = 1.0 }, limit = 5 }',
            ["has the limit 5, below the first checkpoint at 1024"],
        ),
        ('source = "ka"', 'source = "lo"', ["tasks[0]: source and target differ; received 'lo' twice"]),
        ('source = "ka"', 'source = "kaa"', ["ka-lo needs the language 'kaa'; did you mean 'ka'?"]),
        (
            'source = "ka"',
            'source = "ka"\ntrain = ["a", "b"]',
            ["ka-lo has files, but its languages are made up"],
        ),
        (
            'source = "ka"',
            'source = "ka"\ntrain = ["a", "b", "c"]',
            ["tasks[0].train: parallel text is two", "3: a"],
        ),
        ('["1K", "full"]', '["1K", "all"]', ["finetuning.sizes[1]:", "received 'all'"]),
        ('["1K", "full"]', '["1K", "1e3"]', ["each value is given once; received [1000, 1000]"]),
        ("vocab_size = 100", "", ["tokenizer: a tokenizer has either vocab_size or path"]),
        ("relatedness = 0.5", "relatedness = 1.5", ["languages.lo.relatedness: is less than or equal to 1"]),
        ("relatedness = 0.5", 'like = "mi"', ["lo is like 'mi'; before it: ka"]),
        ("layers = 1", "layer = 1", ["model.layer: is no setting here; did you mean 'layers'?"]),
        (
            "[artificial]",
            '[corpora.en]\nfiles = ["a"]\n[artificial]',
            ["either corpora or artificial; received both"],
        ),
        ("[artificial]", '[corpora.en]\nfield = "a"\n[artificial]', ["corpora.en.files: is missing"]),
        ('mixtures = ["50ka+50lo", "ka"]', "mixtures = []", ["mixtures: is missing; add mixtures"]),
    ],
)
def test_each_rule_has_its_message(small_text: str, old: str, new: str, told: list[str]) -> None:
    message = _broken(small_text, old, new)
    assert message.startswith(("a rule is broken in the study:\n", "2 rules are broken in the study:\n"))
    assert [part for part in told if part not in message] == []


def test_all_violations_are_said_at_once(small_text: str) -> None:
    text = small_text.replace('"50ka+50lo"', '"50ka+40lo", "xx"').replace("stems = 60", "stems = 6")
    text = text.replace("batch = 4\nlength", "batch = -1\nlength").replace('target = "lo"', "")
    text = text.replace("layers = 1", 'layers = "a"')
    with pytest.raises(StudyError) as caught:
        parse_study(text)
    message = str(caught.value)
    assert message.startswith("5 rules are broken")
    places = [
        "pretraining.batch",
        "mixtures[0].shares",
        "artificial.stems",
        "tasks[0].target",
        "model.layers",
    ]
    assert [place for place in places if f"\n  {place}: " not in message] == []


def test_rules_between_sections_are_checked_although_others_are_broken(small_text: str) -> None:
    message = _broken(small_text, '"50ka+50lo"', '"50ka+40lo", "100xx"')
    assert "mixtures[0].shares: shares sum to 1" in message
    assert "100xx has a share of 'xx'" in message


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"name = ", "is not valid TOML"),
        (b"\xff\xfe\x00", "is not text"),
        (b"", "mixtures: is missing"),
        (b"\x00\x01", "is not valid TOML"),
    ],
)
def test_a_file_that_is_no_study(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "s.toml").write_bytes(content)
    with pytest.raises(StudyError, match=told):
        load_study(tmp_path / "s.toml")


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(StudyError, match=r"cannot be read: .*'bayesscale harness init' writes one"):
        load_study(tmp_path / name)


def test_a_study_made_in_python_keeps_the_same_rules(small_study: Study) -> None:
    raw = small_study.model_dump()
    assert Study.model_validate(raw) == small_study
    with pytest.raises(ValidationError, match="'xx', of which there is no text"):
        Study.model_validate({**raw, "mixtures": ["xx"]})


def test_unknown_names_are_answered_with_those_that_there_are(small_study: Study) -> None:
    with pytest.raises(StudyError, match="did you mean 'ka-lo'"):
        small_study.task("kalo")
    with pytest.raises(StudyError, match="valid: 50ka\\+50lo, ka"):
        small_study.mixture("xx")
