from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesscale.errors import BayesscaleError, UsageError
from bayesscale.units import format_bytes, format_seconds, format_tokens, parse_tokens


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1T", 1e12),
        ("1t", 1e12),
        ("625K", 625e3),
        ("625k", 625e3),
        ("6M", 6e6),
        ("1.5B", 1.5e9),
        ("1.5G", 1.5e9),
        ("1.5 B", 1.5e9),
        ("3e9", 3e9),
        ("3E+9", 3e9),
        ("1.3e11", 1.3e11),
        (".5M", 5e5),
        ("5.M", 5e6),
        ("0", 0.0),
        (" 42 ", 42.0),
        ("1_000_000", 1e6),
        ("1,234,567", 1234567.0),
        ("1,234", 1234.0),
        ("1,234.5M", 1234.5e6),
        ("1,234,567K", 1234567e3),
    ],
)
def test_sizes_as_people_write_them(text: str, value: float) -> None:
    assert parse_tokens(text) == value


@pytest.mark.parametrize("text", ["6,5M", "1,234M", "1,5", "0,500", "12,34,567", "1,2345", ",5", "1,,234"])
def test_commas_that_may_be_decimal_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="separate thousands") as caught:
        parse_tokens(text)
    assert repr(text) in str(caught.value)
    assert "decimal point" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", " ", ".", "M", "e9", "-5", "-1M", "nan", "inf", "1e400", "9e307T", "10MB", "5X", "1__0", "٣M"],
)
def test_what_is_no_size_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="finite number of at least 0") as caught:
        parse_tokens(text)
    assert repr(text) in str(caught.value)
    assert "1.5B" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.3e11, "130B"),
        (1e12, "1T"),
        (6e6, "6M"),
        (625e3, "625K"),
        (1281167, "1.281M"),
        (999_999, "1M"),
        (999, "999"),
        (0, "0"),
        (0.5, "0.5"),
        (2.5e15, "2500T"),
        (1e18, "1e+18"),
    ],
)
def test_format(value: float, text: str) -> None:
    assert format_tokens(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (2.34, "2.3 seconds"),
        (89, "89 seconds"),
        (90, "1.5 minutes"),
        (36000, "10 hours"),
        (1e7, "116 days"),
    ],
)
def test_durations_are_readable(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (1500, "1.5 kB"), (2.5e9, "2.5 GB"), (3e13, "30 TB")]
)
def test_bytes_are_readable(size: float, text: str) -> None:
    assert format_bytes(size) == text


@given(st.floats(min_value=1e-3, max_value=1e18))
def test_format_reads_back_to_four_digits(value: float) -> None:
    assert math.isclose(parse_tokens(format_tokens(value)), value, rel_tol=5.01e-4)


@given(st.text(max_size=20))
def test_any_text_gives_a_finite_size_or_a_usage_error(text: str) -> None:
    try:
        value = parse_tokens(text)
    except BayesscaleError:
        return
    assert math.isfinite(value)
    assert value >= 0
