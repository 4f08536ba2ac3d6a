"""Which files are taken, when, and what is said about those that are not."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from storage.sources.base import SourceFailure
from storage.sources.sdtm_files import Stamp, domain_files, read_bytes, read_sheet, settled
from tests.storage.sources.made import NOW, ae, frame, write


def names(folder: Path, **files: list[str]) -> dict[str, list[str]]:
    return {domain: [p.name for p in paths] for domain, paths in domain_files(folder, files)[0].items()}


def test_files_are_known_by_their_domain_in_any_case_and_format(tmp_path: Path) -> None:
    for name in ("ae.csv", "DM.parquet", "Ex.XPT", "cm.csv", "readme.txt", "~$ae.csv", ".ds.csv", "suppae.csv"):
        write(tmp_path, name, "x\n")
    assert names(tmp_path) == {"DM": ["DM.parquet"], "AE": ["ae.csv"], "EX": ["Ex.XPT"]}


def test_parts_of_a_split_domain_are_known_by_their_domain_column(tmp_path: Path) -> None:
    for name in ("lbch.csv", "lbhe.csv"):
        write(tmp_path, name, "DOMAIN,USUBJID\nLB,1\n")
    write(tmp_path, "data.csv", "NAME\nx\n")  # begins like DA, and is none
    write(tmp_path, "aeco.csv", "DOMAIN,USUBJID\nCO,1\n")
    files, warnings = domain_files(tmp_path, {})
    assert [p.name for p in files["LB"]] == ["lbch.csv", "lbhe.csv"]
    assert list(files) == ["LB"]
    assert {w.split()[0] for w in warnings} == {"data.csv", "aeco.csv"}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ae.csv.gz", "write AE as one of"),
        ("AE.sas7bdat", "write AE as one of"),
        ("ae.xlsx", "write AE as one of"),
        ("ae1.csv", "under `files: {AE: [ae1.csv]}`"),
        ("ae_2.parquet", "under `files: {AE: [ae_2.parquet]}`"),
    ],
)
def test_a_file_that_looks_like_a_missing_domain_is_named(tmp_path: Path, name: str, hint: str) -> None:
    """Otherwise its events are watched by nothing, and the only sign is a rule that says that there is no AE."""
    write(tmp_path, "dm.csv", "x\n")
    write(tmp_path, name, "x\n")
    write(tmp_path, "cm.csv.gz", "x\n")  # of a domain that is never read
    (warning,) = domain_files(tmp_path, {})[1]
    assert warning.startswith(f"{name} was not read: ")
    assert hint in warning


@pytest.mark.parametrize("named", [{}, {"AE": ["ae.csv"]}])
def test_a_copy_beside_a_domain_that_is_read_is_no_news(tmp_path: Path, named: dict[str, list[str]]) -> None:
    """An archive of last week's extract must not cost ops a message."""
    for name in ("ae.csv", "ae.csv.gz", "ae_1.csv"):
        write(tmp_path, name, "x\n")
    assert domain_files(tmp_path, named)[1] == []


def test_named_files_go_before_names(tmp_path: Path) -> None:
    write(tmp_path, "adverse.csv", "x\n")
    write(tmp_path, "ae.csv", "x\n")
    assert names(tmp_path, AE=["adverse.csv"]) == {"AE": ["adverse.csv"]}


@pytest.mark.parametrize(
    ("files", "named", "said"),
    [
        ([], {}, "no file named for a domain"),
        (["ae.csv", "AE.xpt"], {}, "AE is in more than one file"),
        (["dm.csv"], {"AE": ["events.csv"]}, "events.csv, named for AE"),
        (["events.txt"], {"AE": ["events.txt"]}, "no format"),
    ],
)
def test_a_folder_that_cannot_be_right(
    tmp_path: Path, files: list[str], named: dict[str, list[str]], said: str
) -> None:
    for name in files:
        write(tmp_path, name, "DOMAIN\nAE\n")
    with pytest.raises(SourceFailure, match=said):
        domain_files(tmp_path, named)


def test_a_whole_domain_beside_its_parts_is_refused_because_every_row_would_be_there_twice(tmp_path: Path) -> None:
    for name in ("lb.csv", "lbch.csv"):
        write(tmp_path, name, "DOMAIN\nLB\n")
    with pytest.raises(SourceFailure, match="LB is in more than one file"):
        domain_files(tmp_path, {})


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceFailure, match="cannot be read"):
        domain_files(tmp_path / "nowhere", {})


def test_a_file_that_has_stood_still_is_taken_without_waiting(tmp_path: Path) -> None:
    path = write(tmp_path, "ae.csv", "x\n", age=3)
    waited: list[float] = []
    assert settled([path], NOW, waited.append) == {path: Stamp.of(path)}
    assert waited == []


@pytest.mark.parametrize("age", [1, -3600])
def test_a_fresh_file_is_given_two_seconds_also_when_its_clock_is_ahead(tmp_path: Path, age: float) -> None:
    path = write(tmp_path, "ae.csv", "x\n", age=age)
    waited: list[float] = []
    settled([path], NOW, waited.append)
    assert waited == [2.0]


def test_a_file_that_grows_while_it_is_looked_at_is_not_taken(tmp_path: Path) -> None:
    path = write(tmp_path, "ae.csv", "x\n", age=1)
    with pytest.raises(SourceFailure, match="being written"):
        settled([path], NOW, lambda _seconds: _grow(path))


def test_a_file_replaced_between_looking_and_reading_is_not_taken(tmp_path: Path) -> None:
    path = write(tmp_path, "ae.csv", "x\n")
    stamp = Stamp.of(path)
    other = write(tmp_path, "new.csv", "y\n")
    other.replace(path)  # same size, and the times can be made equal: the inode tells
    os.utime(path, ns=(stamp.mtime_ns, stamp.mtime_ns))
    with pytest.raises(SourceFailure, match="being written"):
        read_bytes(path, stamp)


@pytest.mark.parametrize("name", ["ae.parquet", "ae.xpt"])
def test_what_is_not_what_its_name_says(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, b"USUBJID,AESEQ\n1,2\n".ljust(160))
    with pytest.raises(SourceFailure, match=name):
        read_sheet(path, Stamp.of(path), "utf-8")


@pytest.mark.parametrize("name", ["ae.parquet", "ae.xpt"])
def test_a_truncated_file_is_half_written(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, frame(*(ae(seq=i) for i in range(50))))
    path.write_bytes(path.read_bytes()[:-37])
    with pytest.raises(SourceFailure, match=r"half-written|not a whole"):
        read_sheet(path, Stamp.of(path), "utf-8")


@pytest.mark.parametrize("name", ["ae.csv", "ae.parquet", "ae.xpt"])
def test_every_format_gives_the_same_columns_in_upper_case(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, frame(ae(), ae(seq=2)).rename(columns=str.lower if name != "ae.xpt" else str))
    sheet = read_sheet(path, Stamp.of(path), "utf-8")
    assert list(sheet.frame.columns) == ["USUBJID", "AESEQ", "AEDECOD", "AESTDTC", "AESER"]
    assert len(sheet.frame) == 2


def test_columns_that_differ_only_in_case_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "ae.parquet", pd.DataFrame({"aeseq": ["1"], "AESEQ": ["2"]}))
    with pytest.raises(SourceFailure, match="AESEQ twice"):
        read_sheet(path, Stamp.of(path), "utf-8")


def _grow(path: Path) -> None:
    path.write_text(path.read_text() + "more")
