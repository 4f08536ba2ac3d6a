"""What the board would see, with arms dealt at random: the practice workspace never opens an allocation."""

from __future__ import annotations

from bot.demo.stage import Stage
from bot.telling.outgoing import key
from bot.views import GroupLine, GroupsContent, stored_body
from rules.model import Audience
from storage import outbox
from storage.findings import last_findings


def tell_groups(stage: Stage) -> None:
    """Queue where the first boundary by arm stands in each invented group, for the closed channel."""
    study, closed = stage.study, stage.study.closed
    rule = next((rule for rule in closed.rules if rule.kind == "boundary"), None) if closed else None
    if rule is None or closed is None or Audience.CLOSED not in study.audiences:
        return
    with study.database.writing(study.id) as conn:
        found = last_findings(conn, closed.id, rule_id=rule.id).items()
        lines = tuple(
            GroupLine(scope.removeprefix("arm:"), finding.details["n_dosed"], finding.details["events_total"])
            for (_, scope), finding in sorted(found)
            if scope.startswith("arm:")
        )
        content = GroupsContent(stage.time.now(), rule.id, rule.title, lines, invented=True)
        outbox.enqueue(
            conn, study_id=study.id, delivery_key=key(conn, study.id, "groups", rule.id, stage.day),
            audience=Audience.CLOSED.value, kind="note", content=stored_body(content), priority=4,
            created_at=study.clock.wall(),
        )  # fmt: skip
