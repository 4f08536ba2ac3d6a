"""Masked groups: who is in which, that a letter never moves, and that without the key nobody can tell whose it is."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pytest

from storage import allocation, groups
from storage.allocation import AllocationKey
from storage.errors import AllocationKeyError
from storage.groups import Groups, masked_groups, vocabulary

STUDY = "S"


class Stored:
    """Batches of DM's arm-revealing values, as `allocation.history` gives them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *batches: Mapping[str, Mapping[str, str]]) -> None:
        self.batches = batches
        monkeypatch.setattr(groups, "history", self._history)

    def _history(self, _conn: object, _study: str, _key: object, domain: str, *, batch_no: int):
        assert domain == "DM"
        for stored in self.batches[:batch_no]:
            yield from ((key, dict(values)) for key, values in stored.items())

    def at(self, batch_no: int, key: AllocationKey) -> Groups:
        subjects = sorted({name for stored in self.batches[:batch_no] for name in stored})
        frame = pd.DataFrame({"record_key": subjects, "USUBJID": [f"U-{name}" for name in subjects]})
        return masked_groups(None, STUDY, key, frame, batch_no=batch_no)  # type: ignore[arg-type]


def new_key() -> AllocationKey:
    return AllocationKey.from_text(AllocationKey.generate())


def arms(**values: str) -> dict[str, dict[str, str]]:
    return {name: {"ARMCD": value} for name, value in values.items()}


def test_a_letter_never_moves_when_arms_subjects_or_corrections_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch letters by name or number of arms: the board's group A of today must be that of tomorrow."""
    stored = Stored(monkeypatch, arms(p1="X"), arms(p2="Y", p3="X"), arms(p4="Z"), arms(p1="Y"), arms(p5="AA"))
    for _ in range(8):
        key = new_key()
        seen = [stored.at(number, key).of for number in range(1, 6)]
        first, second = seen[1]["U-p1"], seen[1]["U-p2"]
        assert {first, second} == {"A", "B"}
        assert seen[0] == {"U-p1": first}
        assert seen[2]["U-p4"] in "CD"
        assert seen[3]["U-p1"] == second
        assert all(one["U-p3"] == first for one in seen[1:])
        assert {seen[4]["U-p4"], seen[4]["U-p5"]} == {"C", "D"}


def test_only_the_key_tells_which_arm_is_a(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = Stored(monkeypatch, arms(p1="X", p2="Y"))
    letters = [stored.at(1, new_key()).of["U-p1"] for _ in range(60)]
    assert 10 < letters.count("A") < 50


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"ARMCD": "X", "ACTARMCD": "Y"}, "Y"),
        ({"ARMCD": "X", "ACTARMCD": ""}, "X"),
        ({"ARMCD": "X", "ACTARMCD": "NOTTRT"}, ""),
        ({"ARMCD": "SCRNFAIL", "ARM": "Screen Failure"}, ""),
        ({"ARM": "Arm X", "ARMCD": ""}, ""),
        ({}, ""),
    ],
)
def test_the_actual_arm_counts_and_who_has_none_is_in_no_group(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], expected: str
) -> None:
    known = {"x": {"ARMCD": "X"}, "y": {"ACTARMCD": "Y"}}
    found = Stored(monkeypatch, {**known, "p": values}).at(1, new_key())
    of = {"": None, "X": found.of["U-x"], "Y": found.of["U-y"]}
    assert found.of.get("U-p") == of[expected]
    assert ("U-p" in found.without) is (expected == "")


def test_the_actual_arm_by_name_goes_before_the_planned_code() -> None:
    assert vocabulary([{"ARMCD": "X"}, {"ACTARM": "Arm Y"}]) == ("ACTARM", "ARM")
    assert vocabulary([{"ARM": "Arm X", "ARMCD": ""}]) == ("ACTARM", "ARM")
    assert vocabulary([{"ARMCD": "X"}]) == vocabulary([]) == ("ACTARMCD", "ARMCD")


def test_more_arms_than_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Stored(monkeypatch, arms(**{f"p{n}": f"arm{n}" for n in range(30)})).at(1, new_key())
    assert len(set(found.of.values())) == 30


def test_another_key_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = new_key().seal(STUDY, "DM", "p", {"ARMCD": "X"})
    row = type("Row", (), {"ciphertext": sealed.ciphertext})()
    connection = type("Connection", (), {"execute": lambda *_: [row]})()
    with pytest.raises(AllocationKeyError):
        list(allocation.history(connection, STUDY, new_key(), "DM", batch_no=1))
