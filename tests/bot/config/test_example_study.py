"""What examples/sdtm-folder/README.md says about its records is what the product finds in them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rules.evaluate import evaluate
from rules.model import Finding, State
from storage.database import open_database
from storage.revisions import IngestResult, ingest
from storage.snapshot import SnapshotBuilder
from storage.sources.base import SourceState
from storage.sources.sdtm import SdtmSource
from tests.bot.config.kinds import load_files

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 4, 21, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[IngestResult, list[Finding]]:
    (study,) = load_files(ROOT / "examples" / "sdtm-folder" / "config.yaml")
    url = f"sqlite:///{tmp_path_factory.mktemp('example')}/example.db"
    database = open_database(url, mode="rehearsal", study_ids=[study.id], now=NOW)
    try:
        source = SdtmSource.from_settings(study.sources[0], study.base_dir)
        result = ingest(
            database, study.id, source.poll(SourceState(), NOW), now=NOW, derivation=study.derivation,
            arm_revealing_extra=study.privacy.arm_revealing,
        )  # fmt: skip
        snapshot = SnapshotBuilder(database, study.id).build(study.plan, study.derivation, data_cutoff=NOW)
        return result, list(evaluate(study.rules, snapshot))
    finally:
        database.close()


def _found(findings: list[Finding], rule: str) -> list[Finding]:
    return [f for f in findings if f.rule == rule]


def test_every_record_is_new_and_the_arms_are_dropped(judged: tuple[IngestResult, list[Finding]]) -> None:
    counts = judged[0].counts
    assert counts["new"] == 6 + 7 + 6 + 7 + 12
    assert counts["arm_revealing_dropped"] > 0


def test_the_related_serious_event_is_found(judged: tuple[IngestResult, list[Finding]]) -> None:
    (finding,) = _found(judged[1], "serious-related")
    assert finding.state is State.CROSSED
    assert finding.evidence[0].usubjid == "DEMO-003"


def test_three_severe_is_provisional_until_causality_is_recorded(judged: tuple[IngestResult, list[Finding]]) -> None:
    (finding,) = _found(judged[1], "three-severe")
    assert (finding.state, finding.events, finding.stop_at) == (State.PROVISIONAL, 3, 3)
    missing = {e.usubjid: e.missing for e in finding.counted()}
    assert missing == {"DEMO-002": (), "DEMO-003": (), "DEMO-004": ("AEREL", "AESTDTC")}


def test_local_reactions_are_counted_by_site_and_lesion(judged: tuple[IngestResult, list[Finding]]) -> None:
    found = {f.scope: f for f in _found(judged[1], "local-reactions")}
    assert {scope: f.state for scope, f in found.items()} == {"01": State.CROSSED, "02": State.NEAR}
    assert {e.usubjid for e in found["01"].counted()} == {"DEMO-001", "DEMO-002"}
    assert {e.usubjid for e in found["02"].counted()} == {"DEMO-005"}
