"""Without the key nothing can be told of an arm, not even who shares one; with it everything comes back."""

from __future__ import annotations

import base64
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from storage import allocation
from storage.allocation import ENVIRONMENT, AllocationKey, Sealed
from storage.database import Database
from storage.errors import AllocationKeyError
from storage.schema import batch
from tests.storage.make import NOW, STUDY

KEY_TEXT = base64.urlsafe_b64encode(bytes(range(32))).decode()
KEY = AllocationKey.from_text(KEY_TEXT)
TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=40)


@given(TEXT, st.dictionaries(TEXT, TEXT, max_size=4))
def test_what_is_sealed_comes_back_with_the_key(record_key: str, values: dict[str, str]) -> None:
    sealed = KEY.seal(STUDY, "DM", record_key, values)
    assert KEY.open(STUDY, "DM", sealed.ciphertext) == (record_key, values)


@given(TEXT, st.dictionaries(TEXT, TEXT, max_size=3), st.dictionaries(TEXT, TEXT, max_size=3))
def test_digests_tell_whether_one_record_changed(key: str, before: dict[str, str], after: dict[str, str]) -> None:
    one, two = KEY.seal(STUDY, "DM", key, before), KEY.seal(STUDY, "DM", key, after)
    assert one.key_digest == two.key_digest == KEY.key_digest(STUDY, "DM", key)
    assert (one.value_digest == two.value_digest) == (before == after)
    assert len(one.key_digest) == len(one.value_digest) == 16


def test_subjects_of_one_arm_cannot_be_told_from_others() -> None:
    """No digest, ciphertext or length is shared by those who share an arm."""
    arms = {"P-001": "PLACEBO", "P-002": "PLACEBO", "P-003": "STS 25 %", "P-004": "STS 25 % CREAM BID"}
    sealed = [KEY.seal(STUDY, "DM", subject, {"ARM": arm}) for subject, arm in arms.items()]
    assert len({item.value_digest for item in sealed}) == 4
    assert len({item.ciphertext for item in sealed}) == 4
    assert len({len(item.ciphertext) for item in sealed}) == 1
    assert len({item.value_digest[:2] for item in sealed}) == 4


def test_the_same_values_sealed_twice_look_different_and_are_known_as_equal() -> None:
    one, two = (KEY.seal(STUDY, "DM", "P-001", {"ARM": "A"}) for _ in range(2))
    assert one.ciphertext != two.ciphertext
    assert one.value_digest == two.value_digest


def test_nothing_readable_is_left_in_what_is_stored() -> None:
    sealed = KEY.seal(STUDY, "EX", "P-001/1", {"EXTRT": "SODIUM THIOSULFATE", "EXLOT": "LOT-4711"})
    stored = sealed.key_digest + sealed.value_digest + sealed.ciphertext
    for word in (b"SODIUM", b"LOT-4711", b"P-001", b"EXTRT"):
        assert word not in stored


@pytest.mark.parametrize("place", [0, 20, -1])
def test_an_altered_row_is_refused(place: int) -> None:
    data = bytearray(KEY.seal(STUDY, "DM", "P-001", {"ARM": "A"}).ciphertext)
    data[place] ^= 1
    with pytest.raises(AllocationKeyError, match="altered"):
        KEY.open(STUDY, "DM", bytes(data))


def test_a_row_moved_to_another_study_or_domain_is_refused() -> None:
    sealed = KEY.seal(STUDY, "DM", "P-001", {"ARM": "A"})
    for study, domain in ((STUDY, "EX"), ("OTHER", "DM")):
        with pytest.raises(AllocationKeyError):
            KEY.open(study, domain, sealed.ciphertext)


def test_another_key_opens_nothing_and_recognises_nothing() -> None:
    other = AllocationKey.from_text(AllocationKey.generate())
    sealed = KEY.seal(STUDY, "DM", "P-001", {"ARM": "A"})
    with pytest.raises(AllocationKeyError, match="another key"):
        other.open(STUDY, "DM", sealed.ciphertext)
    again = other.seal(STUDY, "DM", "P-001", {"ARM": "A"})
    assert again.key_digest != sealed.key_digest
    assert again.value_digest != sealed.value_digest


def test_a_key_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"\n{KEY_TEXT}\n")
    sealed = KEY.seal(STUDY, "DM", "P-001", {"ARM": "A"})
    for environment in ({ENVIRONMENT: KEY_TEXT}, {f"{ENVIRONMENT}_FILE": str(file)}):
        key = AllocationKey.from_environment(environment)
        assert key is not None
        assert key.open(STUDY, "DM", sealed.ciphertext) == ("P-001", {"ARM": "A"})
    assert AllocationKey.from_environment({}) is None
    assert AllocationKey.from_environment({ENVIRONMENT: "", f"{ENVIRONMENT}_FILE": ""}) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not a key!", "not base64"),
        ("schlüssel", "not base64"),
        (base64.urlsafe_b64encode(bytes(16)).decode(), "16 bytes instead of 32"),
        (KEY_TEXT[:-1], "not base64"),
        (KEY_TEXT * 2, "not base64"),
    ],
)
def test_a_malformed_key_is_refused_without_being_shown(text: str, says: str) -> None:
    with pytest.raises(AllocationKeyError, match=says) as refused:
        AllocationKey.from_text(text)
    message = str(refused.value)
    assert text not in message
    assert ENVIRONMENT in message
    assert "Make one" in message


def test_two_keys_or_an_unreadable_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AllocationKeyError, match="twice"):
        AllocationKey.from_environment({ENVIRONMENT: KEY_TEXT, f"{ENVIRONMENT}_FILE": "x"})
    with pytest.raises(AllocationKeyError, match="cannot be read") as refused:
        AllocationKey.from_environment({f"{ENVIRONMENT}_FILE": str(tmp_path / "none")})
    assert "none" in str(refused.value)


def test_a_key_is_never_shown() -> None:
    assert KEY_TEXT not in repr(KEY)
    assert not hasattr(KEY, "__dict__")


def test_generated_keys_differ_and_are_read() -> None:
    texts = {AllocationKey.generate() for _ in range(5)}
    assert len(texts) == 5
    for text in texts:
        AllocationKey.from_text(text)


def _close(database: Database, number: int, sealed: list[Sealed], *, close: bool = True) -> None:
    with database.writing() as conn:
        stored = allocation.store(conn, ingest_id=number, study_id=STUDY, source_id="edc", domain="DM", sealed=sealed)
        assert stored == len(sealed)
        if close:
            row = {"study_id": STUDY, "batch_no": number, "ingest_id": number, "source_id": "edc", "closed_at": NOW}
            conn.execute(insert(batch).values(watermark=NOW, complete=True, counts={}, digest="", **row))


def _arms(database: Database, batch_no: int | None = None, key: AllocationKey = KEY) -> dict[str, str]:
    with database.reading() as conn:
        found = allocation.read(conn, STUDY, key, batch_no=batch_no)
    return {record: values["ARM"] for record, values in found.get("DM", {}).items()}


def test_an_allocation_is_read_as_known_at_a_batch(database: Database) -> None:
    _close(database, 1, [KEY.seal(STUDY, "DM", "P-1", {"ARM": "A"}), KEY.seal(STUDY, "DM", "P-2", {"ARM": "B"})])
    _close(database, 2, [KEY.seal(STUDY, "DM", "P-1", {"ARM": "B"})])
    _close(database, 3, [KEY.seal(STUDY, "DM", "P-9", {"ARM": "A"})], close=False)  # a crash before the close
    assert _arms(database, 0) == {}
    assert _arms(database, 1) == {"P-1": "A", "P-2": "B"}
    assert _arms(database) == {"P-1": "B", "P-2": "B"}


def test_only_what_is_visible_counts_as_stored_already(database: Database) -> None:
    first = KEY.seal(STUDY, "DM", "P-1", {"ARM": "A"})
    later = KEY.seal(STUDY, "DM", "P-1", {"ARM": "B"})
    _close(database, 1, [first])
    _close(database, 2, [later], close=False)
    with database.reading() as conn:
        assert allocation.last_value_digests(conn, STUDY, "edc", "DM") == {first.key_digest: first.value_digest}
        assert allocation.last_value_digests(conn, STUDY, "other", "DM") == {}


def test_the_wrong_key_is_noticed_when_reading(database: Database) -> None:
    _close(database, 1, [KEY.seal(STUDY, "DM", "P-1", {"ARM": "A"})])
    with pytest.raises(AllocationKeyError, match="another key"):
        _arms(database, key=AllocationKey(os.urandom(32)))


def test_sealing_a_large_exposure_file_takes_seconds_at_most() -> None:
    began = time.perf_counter()
    for number in range(5000):
        KEY.seal(STUDY, "EX", f"P-{number}/1", {"EXTRT": "STS", "EXDOSE": "1", "EXLOT": "L1"})
    assert time.perf_counter() - began < 2.0
