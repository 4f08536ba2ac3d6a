"""The table of bad input, row by row: what `poll` reports, and what ops reads, once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from storage.sources import sdtm_files
from tests.bot.commands.site import Site, event, events, subjects

MANY = events(*[event(number) for number in range(1, 41)])
TWO_SOURCES = {
    "sources": [
        {"id": "edc", "kind": "sdtm", "path": "data/", "every": "1 s"},
        {"id": "safety", "kind": "sdtm", "path": "safety/", "every": "1 s"},
    ]
}


def source(site: Site, number: int = 0, **environment: str | None) -> dict[str, Any]:
    """Poll, and give the entry of one source; the exit code must fit it."""
    done = site.poll(**environment)
    failed = any(entry["outcome"] == "failed" for entry in done.json["sources"])
    assert done.code == (1 if failed else 0), done.err
    return dict(done.json["sources"][number])


def counted(entry: dict[str, Any]) -> tuple[int, ...]:
    return tuple(entry[name] for name in ("new", "changed", "deleted", "unchanged"))


def test_one_source_fails_and_the_other_goes_on(site_of: Callable[..., Site]) -> None:
    site = site_of(**TWO_SOURCES)
    site.write("dm.csv", subjects(4))
    site.write("ae.csv", events(event(1)))
    first = site.poll()
    assert first.code == 1
    edc, safety = first.json["sources"]
    assert (edc["outcome"], counted(edc)) == ("ok", (5, 0, 0, 0))
    assert safety["outcome"] == "failed"
    assert "safety cannot be read (No such file or directory)" in safety["reason"]
    site.poll()
    (told,) = site.told("source failed")
    assert "The other sources go on" in told["text"]
    site.write("../safety/ae.csv", events(event(2)))
    assert source(site, 1)["outcome"] == "ok"
    source(site, 1)
    (told,) = site.told("source recovered")
    assert "safety" in told["text"]
    shutil.rmtree(site.folder / "safety")
    source(site, 1)
    assert len(site.told("source failed")) == 2  # it had recovered in between


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (half, "ae.csv is half-written"),
        (lambda content: b"", "ae.csv is empty"),
        (lambda content: content.decode().encode("utf-16"), "ae.csv is written in UTF-16"),
        (lambda content: content.replace(b"AEDECOD", b"PT"), "ae.csv has no column AEDECOD"),
        (lambda content: content[: content.index(b"\n") + 1], "AE has shrunk from 40 rows to 0"),
    ],
)
def test_a_damaged_file_is_a_failure_and_not_a_deletion(
    site_of: Callable[..., Site], damage: Callable[[bytes], bytes], reason: str
) -> None:
    site = site_of()
    site.write("dm.csv", subjects(40))
    whole = site.write("ae.csv", MANY).read_bytes()
    source(site)
    site.write("ae.csv", damage(whole))
    failed = source(site)
    assert failed["outcome"] == "failed"
    assert reason in failed["reason"]
    assert counted(failed) == (0, 0, 0, 0)
    source(site)
    (told,) = site.told("source failed")
    assert reason in told["text"]
    site.write("ae.csv", whole)
    assert source(site)["deleted"] == 0
    assert len(site.told("source recovered")) == 1
    assert not site.told("basis changed", "open")  # nothing was taken for gone


def test_a_file_without_the_right_to_read_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bytes:
        raise sdtm_files.SourceFailure(
            "ae.csv cannot be read (Permission denied)", "Give this user the right to read it."
        )

    source(site)
    site.write("ae.csv", events(event(1), event(2)))
    with monkeypatch.context() as patched:
        patched.setattr("storage.sources.sdtm.read_bytes", refuse)
        assert "Permission denied" in source(site)["reason"]
    assert source(site)["new"] == 1


def test_a_missing_column_names_file_column_and_mapping(site_of: Callable[..., Site]) -> None:
    site = site_of()
    site.write("dm.csv", subjects(2))
    site.write("ae.csv", events(event(1)).rename(columns={"AEDECOD": "PT"}))
    reason = source(site)["reason"]
    assert "ae.csv has no column AEDECOD" in reason
    assert "`columns: {AE: {AEDECOD: …}}` of source edc" in reason
    mapped = {"id": "edc", "kind": "sdtm", "path": "data/", "every": "1 s", "columns": {"AE": {"AEDECOD": "PT"}}}
    site.configure(sources=[mapped])
    assert counted(source(site)) == (3, 0, 0, 0)


def test_a_smaller_file_is_admitted_once_by_a_person(site_of: Callable[..., Site]) -> None:
    site = site_of()
    site.write("dm.csv", subjects(40))
    site.write("ae.csv", MANY)
    source(site)
    site.write("ae.csv", MANY.head(25))
    refused = source(site)
    assert "dsmbot source accept edc --reason" in refused["reason"]
    unreasoned = site.run("source", "accept", "edc", "--reason", " ")
    assert unreasoned.code == 2
    assert site.run("source", "accept", "edt", "--reason", "x").code == 2
    accepted = site.run("source", "accept", "edc", "--reason", "site 3 withdrawn", "--by", "A. Person")
    assert accepted.code == 0, accepted.err
    assert counted(source(site)) == (0, 0, 15, 25)
    site.write("ae.csv", MANY.head(3))
    assert source(site)["outcome"] == "failed"  # once is once
    exported = site.run("audit", "export").out
    assert "site 3 withdrawn" in exported
    assert "operator:A. Person" in exported


def test_another_reason_is_told_and_another_number_is_not(site_of: Callable[..., Site]) -> None:
    site = site_of()
    site.write("dm.csv", subjects(40))
    whole = site.write("ae.csv", MANY).read_bytes()
    source(site)
    site.write("ae.csv", half(whole))
    source(site)
    for rows in (10, 9):
        site.write("ae.csv", MANY.head(rows))
        source(site)
    assert ["half-written" in m["text"] for m in site.told("source failed")] == [True, False]
    assert "source accept edc" in site.told("source failed")[1]["text"]


DOUBTFUL = {
    "an impossible date": ({"AESTDTC": "2026-13-45"}, "AESTDTC", "2026-13-45"),
    "an unknown code": ({"AEREL": "ZAUBERSPRUCH"}, "AEREL", "ZAUBERSPRUCH"),
    "contradicting seriousness": ({"AESER": "N", "AESDTH": "Y"}, "AESER", ""),
    "a duplicate key": ({"AESEQ": "1", "USUBJID": "S-001", "AETERM": "zz GEHEIMWORT"}, "AESEQ", "GEHEIMWORT"),
}


def test_doubtful_rows_are_kept_counted_and_shown_by_place(site_of: Callable[..., Site]) -> None:
    site = site_of()
    site.write("dm.csv", subjects(6))
    rows = [event(1, AESDTH="")] + [event(2 + i, **values) for i, (values, _, _) in enumerate(DOUBTFUL.values())]  # type: ignore[arg-type]
    site.write("ae.csv", events(*rows))
    found = source(site)
    assert counted(found) == (11, 0, 0, 0)  # nothing was dropped
    assert found["flagged"] == 4
    assert found["duplicate_keys"] == 1
    shown = site.said("ops")
    for row, (_, column, value) in enumerate(DOUBTFUL.values(), start=2):
        assert f"ae.csv, column {column}, row {row}" in shown
        assert not value or value not in shown
    source(site)
    assert len(site.told("doubtful records")) == 1
    replayed = site.run("replay", "--json").json
    met = {f["rule"]: f for f in replayed["findings"] if f["state"] in ("CROSSED", "PROVISIONAL")}
    assert met["any-event"]["events"] == 4  # S-001 once; the impossible date still counts


def test_contradicting_seriousness_counts_as_serious(site_of: Callable[..., Site]) -> None:
    site = site_of()
    site.write("dm.csv", subjects(2))
    site.write("ae.csv", events(event(1, AESDTH=""), event(2, AESER="N", AESDTH="Y", AEREL="")))
    source(site)
    (finding,) = [f for f in site.run("replay", "--json").json["findings"] if f["rule"] == "related-serious"]
    assert finding["scope"] == "S-002|1"
    assert finding["state"] in ("CROSSED", "PROVISIONAL")


def test_doubts_about_a_source_reach_ops_once(site_of: Callable[..., Site]) -> None:
    site = site_of()
    site.write("dm.csv", subjects(4))
    site.write("ae.csv", events(event(1), event(2)))
    source(site)
    site.write("ae.csv", events(event(1), event(2)).drop(columns="AEREL"))
    vanished = source(site)
    assert counted(vanished)[1:3] == (0, 0)  # a column that vanishes is no change of any row
    assert "column AEREL is no longer in the source" in vanished["reason"]
    assert vanished["outcome"] == "ok"
    site.write("ae.csv", events(event(1), event(2), event(3)).drop(columns="AEREL"))
    site.write("data.csv", "X\n1\n")
    source(site)
    source(site)
    texts = [m["text"] for m in site.told("source warning")]
    assert len(texts) == len(set(texts)) == 1 + sum("data.csv" in text for text in texts)
    assert "AEREL" in texts[0]


INJECTION = "<!channel> <@U0INVESTIGATOR> *bold* `code` _it_ @here https://evil.example \x07\u202e" + "x" * 50_000


def test_text_of_a_record_is_never_a_mention_and_is_shortened_visibly(site_of: Callable[..., Site]) -> None:
    site = site_of()
    site.write("dm.csv", subjects(4))
    site.write("ae.csv", events(event(1)))
    source(site)
    hostile = event(2, AESER="Y", AEREL="RELATED", AEDECOD=INJECTION, AETERM="<!everyone> " + INJECTION)
    site.write("ae.csv", events(event(1), hostile))
    assert source(site)["new"] == 1
    (alert,) = site.told("related serious", "open")
    shown = site.said("open") + site.said("ops")
    for mark in ("<!channel", "<!everyone", "*bold*", "`code`", " @here", "\x07", "\u202e", "https://evil"):
        assert mark not in shown
    assert "&lt;!channel&gt;" in alert["text"]
    assert "showing 120 of 50,0" in alert["text"]
    assert "everyone" not in shown  # verbatim text never leaves
    assert alert["text"].count("<@") == 1
    (member,) = site.study().slack.roles["investigator"]  # type: ignore[index]
    assert f"<@{member.id}>" in alert["text"]
