"""A CSV file is text: nothing is guessed, a row of another width is kept, half a file is refused."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.sources.base import SourceFailure
from storage.sources.sdtm_csv import read_csv


def rows(data: bytes) -> list[tuple[str, ...]]:
    return list(read_csv(data, "ae.csv").frame.itertuples(index=False, name=None))


def test_words_that_other_readers_take_for_missing_and_numbers_stay_as_written() -> None:
    data = b"USUBJID,SITEID,AEREL,COUNTRY,DAREFID\n01,007,None,NA,1E5\n02,08,null,NaN,TRUE\n"
    assert rows(data) == [("01", "007", "None", "NA", "1E5"), ("02", "08", "null", "NaN", "TRUE")]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a,b\n1,\n,2\n", [("1", ""), ("", "2")]),
        (b"a,b\r\n1,2\r\n", [("1", "2")]),
        (b"a,b\r1,2\r", [("1", "2")]),
        (b"a,b\n1,2", [("1", "2")]),
        (b"\xef\xbb\xbfa,b\n1,2\n", [("1", "2")]),
        (b'a,b\n1,"two\nlines, and a ""quote"""\n', [("1", 'two\nlines, and a "quote"')]),
        (b"a;b\n1,5;2\n", [("1,5", "2")]),
        (b"a\tb\n1\t2\n", [("1", "2")]),
        (b"a,b\n", []),
        (b"a,b", []),
        (b'"a","b"\n1,2\n', [("1", "2")]),
        (b"a,b,\n1,2,\n", [("1", "2")]),
    ],
)
def test_forms_of_csv(data: bytes, expected: list[tuple[str, ...]]) -> None:
    assert rows(data) == expected


def test_column_names_are_upper_case_without_blanks_around() -> None:
    assert list(read_csv(b" usubjid ,AeSeq\n1,2\n", "ae.csv").frame.columns) == ["USUBJID", "AESEQ"]


def test_short_and_long_rows_are_kept_and_reported_by_position() -> None:
    sheet = read_csv(b"a,b,c\n1,2,3\n4,5\n6,7,8,9\n10,11,12,,\n", "ae.csv")
    assert list(sheet.frame.itertuples(index=False, name=None)) == [
        ("1", "2", "3"), ("4", "5", ""), ("6", "7", "8"), ("10", "11", "12"),
    ]  # fmt: skip
    assert sheet.ragged == (1, 2)  # commas without values behind the last column are no doubt about any value


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\n1,2\n", "is empty"),
        (b"a,b,c\n1,2,3\n4,5", "half-written"),
        (b'a,b,c\n1,2,3\n4,"5,6\n', "half-written"),
        (b"a,b\n1,\0\n", "NUL"),
        (b"a,b,A\n1,2,3\n", "names column A twice"),
        ("a,b\n1,é\n".encode("cp1252"), "line 2"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
    ],
)
def test_what_cannot_be_a_whole_file_is_refused_with_the_reason(data: bytes, said: str) -> None:
    with pytest.raises(SourceFailure, match=said) as failure:
        read_csv(data, "ae.csv")
    assert failure.value.reason.startswith("ae.csv")
    assert failure.value.fix


def test_the_encoding_can_be_said_and_is_checked() -> None:
    assert read_csv("a,b\n1,é\n".encode("cp1252"), "ae.csv", "cp1252").frame["B"].tolist() == ["é"]
    with pytest.raises(SourceFailure, match="cannot be read as ascii"):
        read_csv("a,b\n1,é\n".encode(), "ae.csv", "ascii")


def test_a_field_longer_than_a_reader_s_block_is_read() -> None:
    long = "x" * 3_000_000
    assert rows(f"a,b\n1,{long}\n2,y\n".encode()) == [("1", long), ("2", "y")]


text = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r"), max_size=8)


@given(st.lists(st.tuples(text, text, text), min_size=1, max_size=8))
def test_what_python_writes_is_read_back(values: list[tuple[str, str, str]]) -> None:
    values = [("k", *row) for row in values]  # a row of nothing but blanks is a blank line to every reader
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([("A", "B", "C", "D"), *values])
    assert rows(buffer.getvalue().encode()) == values
