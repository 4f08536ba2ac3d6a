"""Practice and rehearsal: rules by arm are judged on groups that mean nothing, and no allocation is kept or opened."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from bot.views import Mode
from storage.allocation import AllocationKey
from storage.groups import invented_groups
from storage.schema import allocation
from tests.bot.commands.life import life
from tests.bot.commands.site import ANY, SERIOUS, Site, event, subjects
from tests.bot.commands.test_blinding import BY_ARM
from tests.bot.commands.test_by_arm import FOUR, settled, treated


@pytest.fixture
def site(site_of: Callable[..., Site]) -> Site:
    return site_of(rules=[SERIOUS, ANY, BY_ARM])


@pytest.mark.parametrize("mode", [Mode.PRACTICE, Mode.REHEARSAL])
def test_arms_are_invented_and_say_so(site: Site, mode: Mode) -> None:
    """Eight events among the first eight: each invented group of four crosses at 4, whatever the recorded arms.

    Would catch real arms shown in practice, arm-revealing values stored without a key, and a silent closed side."""
    with life(site, mode=mode) as found:
        found.put(event(9), dm=treated("X" * 12))
        settled(found)
        found.put(event(9), *(event(n) for n in range(1, 9)))
        settled(found, hours=1)
        said = site.said("closed")
        assert "by-arm · group A" in said
        assert "by-arm · group B" in said
        assert "Arms shown here are invented." in said
        assert "no allocation key" not in said
        with found.study.database.reading() as conn:
            assert conn.execute(select(func.count()).select_from(allocation)).scalar_one() == 0


def test_with_a_key_the_arms_are_sealed_and_stay_shut(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a rehearsal that opens the allocation because it could."""

    def read(*_: object, **__: object) -> None:
        raise AssertionError("the allocation was read")

    monkeypatch.setattr("storage.groups.history", read)
    with life(site, mode=Mode.PRACTICE, allocation_key=AllocationKey.generate()) as found:
        found.put(event(9), *FOUR, dm=treated("X" * 12))
        settled(found)
        assert "by-arm" in site.said("closed")
        assert "fault of the program" not in site.said("closed")
        with found.study.database.reading() as conn:
            assert conn.execute(select(func.count()).select_from(allocation)).scalar_one() > 0


def test_an_invented_letter_never_moves(site: Site) -> None:
    """Would catch letters that follow the order of the frame: a subject entered late would move everybody."""
    with life(site, mode=Mode.PRACTICE) as found:
        found.put(event(9), dm=treated("X" * 12)[4:])
        settled(found)
        first = dealt(found)
        found.put(event(9), dm=treated("X" * 12))
        settled(found, hours=1)
        later = dealt(found)
        assert sorted(first.values()) == list("AAAABBBB")
        assert sorted(later.values()) == list("AAAAAABBBBBB")
        assert {who: later[who] for who in first} == first


def dealt(found: object) -> dict[str, str]:
    study = found.study  # type: ignore[attr-defined]
    frame = subjects(12).assign(record_key=lambda dm: dm["USUBJID"])
    with study.database.reading() as conn:
        groups = invented_groups(conn, study.config.id, frame)
    return {who: letter for who, letter in groups.of.items() if isinstance(letter, str)}
