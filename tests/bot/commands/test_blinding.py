"""Non-interference: what people who must stay blinded can read is a function of open data alone.

One study is polled over four days, with everything that speaks: a starting state, alerts, a correction, doubtful rows,
a failing source, daily notes. The same study with its allocation dealt otherwise, taken out, or sealed with a key must
send the same bytes in the same order, and none of it may lie in the clear anywhere: also where a rule by arm is met
under one allocation and not under another.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import time_machine
import yaml

from rules.sdtm import is_arm_revealing
from storage.allocation import AllocationKey
from tests.bot.commands.site import ANY, CHANNELS, SERIOUS, Site, event, events, subjects

PLANTED = {
    "ARM": ("Geheimarm-Verum", "Geheimarm-Placebo"), "ARMCD": ("GVERUM", "GPLACEBO"),
    "ACTARM": ("Geheimarm-Verum", "Geheimarm-Placebo"), "EXTRT": ("THIOSULFATZ", "LANOLINZ"),
    "EXLOT": ("LOT-7741X", "LOT-9932X"), "DAREFID": ("KIT-55A19", "KIT-70B23"), "KITNO": ("KIT-55A19", "KIT-70B23"),
    "CODEBREAK": ("QQVERUMQQ", "QQPLACEBOQQ"),
}  # fmt: skip
SECRET = sorted({value for pair in PLANTED.values() for value in pair})
PHARMACY = {**ANY, "id": "pharmacy-look", "title": "Any event, for the pharmacy", "audience": "pharmacy"}
BY_ARM = {
    "id": "by-arm", "kind": "boundary", "title": "Any event, by arm", "events": {}, "window": {"after_days": 60},
    "design": {"method": "table", "null_rate": 0.2, "max_n": 20, "stop_at": [None] * 3 + [4] * 17},
    "per": "arm", "action": "notify", "urgency": "critical", "audience": "closed",
}  # fmt: skip
START = datetime(2031, 3, 3, 15, 0, tzinfo=UTC)
NUMBER = 12


def dealt(frame: pd.DataFrame, names: tuple[str, ...], deal: list[int] | None) -> pd.DataFrame:
    """The frame with arm-revealing columns by subject; None = without such columns."""
    if deal is None:
        return frame
    arms = [deal[int(subject[-3:]) - 1] for subject in frame["USUBJID"]]
    return frame.assign(**{name: [PLANTED[name][arm] for arm in arms] for name in names})


def exposure() -> pd.DataFrame:
    rows = [
        {"DOMAIN": "EX", "USUBJID": f"S-{i:03d}", "EXSEQ": "1", "EXSTDTC": f"2026-01-{5 + i % 20:02d}"}
        for i in range(1, NUMBER + 1)
    ]
    return pd.DataFrame(rows, dtype="str")


def accountability() -> pd.DataFrame:
    rows = [
        {"DOMAIN": "DA", "USUBJID": f"S-{i:03d}", "DASEQ": "1", "DATESTCD": "DISPAMT", "DADTC": "2026-01-20"}
        for i in range(1, NUMBER + 1)
    ]
    return pd.DataFrame(rows, dtype="str")


def put(site: Site, deal: list[int] | None, *rows: dict[str, str]) -> None:
    site.write("dm.csv", dealt(subjects(NUMBER), ("ARM", "ARMCD", "ACTARM", "CODEBREAK"), deal))
    site.write("ex.csv", dealt(exposure(), ("EXTRT", "EXLOT"), deal))
    site.write("da.csv", dealt(accountability(), ("DAREFID", "KITNO"), deal))
    site.write("ae.csv", dealt(events(*rows), ("KITNO",), deal))


def days(site: Site, deal: list[int] | None) -> list[Callable[[], Any]]:
    """What happens from day to day."""
    first = [event(1), event(1, AETERM="again"), event(2, AESTDTC="2026-99-99")]
    serious = event(3, AESER="Y", AEREL="RELATED")
    return [
        lambda: put(site, deal, *first),
        lambda: put(site, deal, *first, serious, event(4, AESEV="STRANGE")),
        lambda: put(site, deal, *first, {**serious, "AEREL": "NOT RELATED"}, event(5)),
        lambda: site.write("ae.csv", "USUBJID,AESEQ\nS-001,1\n"),
    ]


def visible(site: Site) -> str:
    """Every message of every channel but the closed one, in order, with its thread, blocks and metadata."""
    places = {site.workspace.origin: "", str(site.folder): ""}  # the practice page: another port in each world
    text = json.dumps({audience: site.messages(audience) for audience in CHANNELS if audience != "closed"})
    for place in places:
        text = text.replace(place, "")
    return text


def lived(site: Site, deal: list[int] | None, key: str | None) -> tuple[str, str, str]:
    """Four days; gives what was visible, what replays say, and everything that was printed."""
    printed = ""
    with time_machine.travel(START, tick=False) as clock:
        for number, happens in enumerate(days(site, deal)):
            clock.move_to(START + timedelta(days=number))
            happens()
            done = site.poll(DSMBOT_ALLOCATION_KEY=key)
            assert done.code == (1 if number == 3 else 0), done.err
            assert done.json["notifications"]["pending"] == 0
            printed += done.out + done.err
        replayed = [site.run("replay", "--json", "--by", order).out for order in ("batch", "onset")]
        as_run = site.run("replay", "--json", "--as-run")
        assert as_run.code == 0
        verified = site.run("audit", "verify", "--json")
        printed += as_run.err + verified.err
        assert site.run("db", "backup", str(site.folder / "backup.db")).code == 0
        exported = site.run("audit", "export").out
    return visible(site), "".join([*replayed, as_run.out, verified.out, exported]), printed


def everything(folder: Path) -> bytes:
    """All that lies in the folder but the source's own files."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.parent.name != "data")
    assert {"site.db", "backup.db"} <= {path.name for path in files}
    return b"".join(path.read_bytes() for path in files)


@pytest.mark.parametrize("with_key", [False, True], ids=["without-key", "with-key"])
def test_open_output_does_not_depend_on_the_allocation(site_of: Callable[..., Site], with_key: bool) -> None:
    changes = {"rules": [SERIOUS, ANY, PHARMACY], "privacy": {"arm_revealing": ["CODEBREAK"]}}
    key = AllocationKey.generate() if with_key else None
    plain = site_of("absent", **changes)
    expected = lived(plain, None, None)
    for heading in ("monitoring began", "rule met", "met again", "no longer met on today", "daily notes"):
        assert plain.told(heading, "open"), heading
    assert plain.told("source failed")
    assert plain.told("doubtful records")
    random = np.random.default_rng(3)
    for name in ("dealt", "dealt-otherwise"):
        site = site_of(name, **changes)
        deal = random.permutation([0, 1] * (NUMBER // 2)).tolist()
        seen, replayed, printed = lived(site, deal, key)
        assert seen == expected[0]
        assert replayed == expected[1]
        stored = everything(site.folder)
        for secret in SECRET:
            assert secret.encode() not in stored, secret
            assert secret not in printed + seen + replayed


def test_the_planted_columns_are_those_that_tell_an_arm() -> None:
    assert all(is_arm_revealing(name, ["CODEBREAK"]) for name in PLANTED)


def test_values_are_counted_without_a_key_and_a_bad_key_stops_the_start(site: Site) -> None:
    site.write("dm.csv", subjects(4).assign(ARM="Geheimarm-Verum"))
    bad = site.run("poll", DSMBOT_ALLOCATION_KEY="not a key")
    assert bad.code == 2
    assert "not a key" not in bad.err
    assert "allocation key" in bad.err
    assert site.poll().json["sources"][0]["arm_revealing_dropped"] == 4


HALVES = [0] * 6 + [1] * 6
"""Subjects 1 to 5 have the events: all of one arm, whose boundary stops at 4."""
TURNS = [0, 1] * 6
"""The same subjects in turns: neither arm has more than 3."""


def by_arm_lived(
    site: Site, deal: list[int] | None, key: str | None, story: Callable[..., list[Callable[[], Any]]] = days
) -> tuple[str, ...]:
    """Everything that people who must stay blinded can read or count in four days."""
    said = []
    with time_machine.travel(START, tick=False) as clock:
        for number, happens in enumerate(story(site, deal)):
            clock.move_to(START + timedelta(days=number))
            happens()
            done = site.poll(DSMBOT_ALLOCATION_KEY=key)
            said += [str(done.code), done.err, told_by_poll(done.json), visible(site)]
        for words in (
            ["replay", "--json"], ["replay", "--json", "--as-run"], ["audit", "verify", "--json"], ["audit", "export"],
            ["db", "backup", str(site.folder / "backup.db")], ["check", "--json"],
        ):  # fmt: skip
            done = site.run(*words, DSMBOT_ALLOCATION_KEY=key)
            said += [str(done.code), done.out, done.err]
    return tuple(text.replace(str(site.folder), "").replace(site.workspace.base_url, "") for text in said)


def told_by_poll(document: dict[str, Any]) -> str:
    """The document without the number of values dropped, which says only whether there is a key and a column."""
    for source in document["sources"]:
        del source["arm_revealing_dropped"]
    return json.dumps(document)


def test_a_rule_by_arm_is_told_to_the_board_alone(site_of: Callable[..., Site]) -> None:
    """Would catch any number, hash, order, message or line in which the blinded side learns that a group crossed."""
    changes = {"rules": [SERIOUS, ANY, PHARMACY, BY_ARM], "privacy": {"arm_revealing": ["CODEBREAK"]}}
    key = AllocationKey.generate()
    worlds = {"crossed": (HALVES, key), "not": (TURNS, key), "absent": (None, key), "no-key": (HALVES, None)}
    sites = {name: site_of(name, **changes) for name in worlds}
    seen = {name: by_arm_lived(sites[name], *world) for name, world in worlds.items()}
    for name in worlds:
        for mine, theirs in zip(seen[name], seen["crossed"], strict=True):
            assert mine == theirs, name
    closed = {name: site.said("closed") for name, site in sites.items()}
    assert "by-arm · group" in closed["crossed"]
    assert not any("· group" in closed[name] for name in ("not", "absent", "no-key"))
    assert "the allocation holds no arm" in closed["absent"]
    assert "no allocation key is set" in closed["no-key"]
    assert "2 of 2 rules evaluated" in closed["not"]
    for name, site in sites.items():
        stored = everything(site.folder)
        for secret in SECRET:
            assert secret.encode() not in stored, (name, secret)
            assert secret not in closed[name] + "".join(seen[name]), (name, secret)


SHIPPED = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text(encoding="utf-8"))


def shipped(*ids: str) -> dict[str, Any]:
    """Changes to the site's configuration: rules of config.yaml as they are, and the term list that they name."""
    rules = [rule for rule in SHIPPED["rules"] if rule["id"] in ids]
    return {"rules": [SERIOUS, ANY, *rules], "terms": {"application_site": SHIPPED["terms"]["application_site"]}}


def reaction(subject: int, **values: str) -> dict[str, str]:
    """An event that config.yaml's tolerability rules mean."""
    said = {"AEDECOD": "Application site dermatitis", "AEREL": "RELATED", "AESEV": "MODERATE", "LESROLE": "TREATED"}
    return event(subject, **{**said, **values})


def reactions(site: Site, deal: list[int] | None) -> list[Callable[[], Any]]:
    """The first two dosed react, one more does, one reaction is corrected, a file is broken."""
    return [
        lambda: put(site, deal, event(9)),
        lambda: put(site, deal, event(9), reaction(1), reaction(2)),
        lambda: put(site, deal, event(9), reaction(1), reaction(2, AEREL="NOT RELATED"), reaction(5)),
        lambda: site.write("ae.csv", "USUBJID,AESEQ\nS-001,1\n"),
    ]


def test_the_shipped_rule_by_arm_is_told_to_the_board_alone(site_of: Callable[..., Site]) -> None:
    """config.yaml's own rules: met in one arm, in neither, with no arms and with no key. Would catch what BY_ARM does
    not have: a pooled rule on the same events beside it, doubtful facts, a correction, a posterior by arm."""
    changes = shipped("tolerability", "tolerability-by-arm")
    key = AllocationKey.generate()
    worlds = {"crossed": (HALVES, key), "not": (TURNS, key), "absent": (None, key), "no-key": (HALVES, None)}
    sites = {name: site_of(name, **changes) for name in worlds}
    seen = {name: by_arm_lived(sites[name], *world, reactions) for name, world in worlds.items()}
    for name in worlds:
        assert seen[name] == seen["crossed"], name
    met = "tolerability-by-arm · group"
    assert [name for name, site in sites.items() if met in site.said("closed")] == ["crossed"]
    assert all("tolerability-by-arm" not in text for text in seen["crossed"][: -3 * 6])
