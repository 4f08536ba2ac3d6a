"""What the board would see, with arms dealt at random: the practice workspace never opens an allocation."""

from __future__ import annotations

import numpy as np

from bot.demo.stage import Stage
from bot.outgoing import key
from bot.views import GroupLine, GroupsContent, stored_body
from rules.model import Audience, Standing
from storage import outbox
from storage.findings import last_findings

GROUPS = ("A", "B")


def tell_groups(stage: Stage) -> None:
    """Queue the first boundary rule's standing by invented group, for the closed channel."""
    study = stage.study
    rule = next((rule for rule in study.rules if rule.kind == "boundary"), None)
    if rule is None or Audience.CLOSED not in study.audiences:
        return
    with study.database.writing(study.id) as conn:
        finding = last_findings(conn, study.id, rule_id=rule.id).get((rule.id, "study"))
        evidence = finding.evidence if finding else ()
        subjects = sorted({item.usubjid for item in evidence if item.standing is not Standing.NOT_DOSED})
        counted = {item.usubjid for item in evidence if item.standing is Standing.COUNTED}
        dealt = np.random.default_rng(stage.source.trial.seed).permutation(len(subjects)) % len(GROUPS)
        lines = []
        for number, group in enumerate(GROUPS):
            members = {subject for subject, hand in zip(subjects, dealt, strict=True) if hand == number}
            lines.append(GroupLine(group, len(members), len(members & counted)))
        content = GroupsContent(stage.time.now(), rule.id, rule.title, tuple(lines), invented=True)
        outbox.enqueue(
            conn, study_id=study.id, delivery_key=key(conn, study.id, "groups", rule.id, stage.day),
            audience=Audience.CLOSED.value, kind="note", content=stored_body(content), priority=4,
            created_at=study.clock.wall(),
        )  # fmt: skip
