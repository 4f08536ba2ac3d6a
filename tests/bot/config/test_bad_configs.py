"""One file per fault in `bad/`; its first lines say exactly what must be said about it.

A header line is `#! LINE: PLACE: PROBLEM. FIX.`, one for each problem, in the order in which they are told.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import ConfigError, Problem
from tests.bot.config.kinds import GOOD, changed, load_files, load_text

BAD = sorted((Path(__file__).parent / "bad").glob("*.yaml"))


def _said(problem: Problem) -> str:
    return str(problem).removeprefix(problem.file).removeprefix(f":{problem.line}").removeprefix(": ")


def _expected(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix("#! ") for line in lines if line.startswith("#! ")]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_fault_stops_the_start_with_its_line_and_what_to_do(path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_files(path)
    assert [f"{p.line}: {_said(p)}" for p in caught.value.problems] == _expected(path)
    assert {p.file for p in caught.value.problems} == {str(path)}
    assert "hush" not in str(caught.value)


def test_there_is_a_file_for_every_fault() -> None:
    assert len(BAD) > 60


def test_the_file_without_the_fault_loads(tmp_path: Path) -> None:
    assert load_text(tmp_path, GOOD).warnings == ()


def test_all_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    one = changed("planned_n: 20", "planned_n: many", changed("action: hold_dosing", "action: hold"))
    two = changed("kind: sdtm", "kind: redcab", changed("terms: skin", "terms: skni"))
    (tmp_path / "one.yaml").write_text(one)
    (tmp_path / "two.yaml").write_text(two.replace("id: S1", "id: S2"))
    with pytest.raises(ConfigError) as caught:
        load_files(tmp_path / "one.yaml", tmp_path / "two.yaml", tmp_path / "three.yaml")
    assert [(Path(p.file).name, p.where) for p in caught.value.problems] == [
        ("one.yaml", "study.planned_n"),
        ("one.yaml", "rules.serious.action"),
        ("three.yaml", ""),
        ("two.yaml", "sources.edc.kind"),
        ("two.yaml", "rules.tolerability.events.terms"),
    ]


def test_one_study_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    with pytest.raises(ConfigError) as caught:
        load_files(tmp_path / "a.yaml", tmp_path / "b.yaml")
    assert str(caught.value) == (
        f"{tmp_path}/b.yaml:1: study.id: study 'S1' is also in {tmp_path}/a.yaml. Give each study once."
    )


@pytest.mark.parametrize("closed", ['"#safety"', "safety", "'#safety'"])
def test_a_channel_of_two_audiences_in_two_studies_is_refused(tmp_path: Path, closed: str) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    other = changed("id: S1", "id: S2", changed('"#dsmb"', closed, changed('"#safety"', '"#safety-2"')))
    (tmp_path / "b.yaml").write_text(other)
    with pytest.raises(ConfigError) as caught:
        load_files(tmp_path / "a.yaml", tmp_path / "b.yaml")
    assert str(caught.value) == (
        f"{tmp_path}/b.yaml:23: slack.channels.closed: #safety is already the channel of 'open' in {tmp_path}/a.yaml. "
        "Give each audience a channel of its own."
    )


def test_studies_may_share_a_channel_of_one_audience(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(changed("id: S1", "id: S2"))
    assert [study.id for study in load_files(tmp_path / "a.yaml", tmp_path / "b.yaml")] == ["S1", "S2"]


def test_no_configuration_is_a_problem() -> None:
    with pytest.raises(ConfigError, match="no configuration is given"):
        load_files()
