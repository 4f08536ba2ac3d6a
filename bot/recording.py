"""Steps 5 and 6 of the cycle: what changed, for whom, and why, written in one transaction under the study's lock.

May not render anything: an outbox row holds what wording needs, and the words are made when it is posted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from bot.lookup.standing import SINGLE, starting_state
from bot.study import Study
from bot.telling.grouping import Changed, Opened, divided, queue_group
from bot.telling.outgoing import PRIORITY, alert_key, key
from bot.views import StepContent, stored_body
from rules.evaluate import next_due, recorded, transition, with_vanished
from rules.kinds.outlook import course_of
from rules.model import AlertStatus, Finding, Reason, Rule, Snapshot, Transition
from storage import alerts, outbox
from storage.findings import Key, last_digests, register_rule, store_evaluation
from storage.heads import Head, advance_head, lock_head


@dataclass(frozen=True)
class Recorded:
    """What one evaluation changed.

    Parameters
    ----------
    evaluation_id: its number.   reasons: reason → number of alert versions written.
    opened, updated: alerts that began, and alerts that have a new version.
    """

    evaluation_id: int
    reasons: Mapping[Reason, int] = field(default_factory=dict)
    opened: int = 0
    updated: int = 0


def record(study: Study, snapshot: Snapshot, findings: Sequence[Finding], now: datetime) -> Recorded:
    """Write an evaluation, the alerts that follow from it, and what people will be told, or nothing at all.

    Parameters
    ----------
    findings: all findings of the evaluation.   now: aware UTC, the study's time.

    Raises
    ------
    StorageError: another process has taken over, or nothing can be written; the next cycle starts again from
        the last evaluated batch, so that nothing is lost.
    """
    with study.database.writing(study.id) as conn:
        head = lock_head(conn, study.id)
        first = head.evaluated_batch_no == 0
        versions, head = _register(conn, head, study, now)
        complete = with_vanished(findings, _scopes_of(last_digests(conn, study.id), versions))
        stored = store_evaluation(
            conn, head, findings=complete, rule_versions=versions, batch_no=snapshot.batch_no,
            data_cutoff=snapshot.data_cutoff, at=now, code_version=study.code_version,
        )  # fmt: skip
        writer = _Writer(conn, stored.head, study, versions, now, already_true=first)
        writer.write(complete, {(f.rule, f.scope) for f in stored.changed})
        if first:
            starting_state(conn, study, snapshot, complete, now)
        advance_head(
            conn, writer.head, batch_no=snapshot.batch_no if study.unblinded else writer.head.batch_no,
            evaluated_batch_no=snapshot.batch_no, evaluated_cutoff=snapshot.data_cutoff,
            rules_fingerprint=study.fingerprint, next_due=_next_due(complete, now, study.config.plan.timezone),
        )  # fmt: skip
    return Recorded(stored.evaluation_id, dict(writer.reasons), writer.opened, writer.updated)


def _register(conn: Connection, head: Head, study: Study, now: datetime) -> tuple[dict[str, int], Head]:
    versions: dict[str, int] = {}
    for rule_id, (fingerprint, body) in study.rule_bodies.items():
        versions[rule_id], head = register_rule(conn, head, rule_id, fingerprint=fingerprint, body=body, now=now)
    return versions, head


def _scopes_of(digests: Iterable[Key], versions: Mapping[str, int]) -> list[Key]:
    """Every scope that a rule in force ever spoke of; a retired rule's scopes keep their last word."""
    return [(rule_id, scope) for rule_id, scope in digests if rule_id in versions]


def _next_due(findings: Iterable[Finding], now: datetime, timezone: str) -> datetime:
    """When to judge again although no record came: at the study's next local midnight, because windows close, or
    sooner, at the first moment that a finding names."""
    local = now.astimezone(ZoneInfo(timezone))
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return min(filter(None, (midnight, next_due(findings, now))))


class _Writer:
    """Alerts and outbox rows of one evaluation, in one transaction; carries the head along."""

    def __init__(
        self,
        conn: Connection,
        head: Head,
        study: Study,
        versions: Mapping[str, int],
        now: datetime,
        *,
        already_true: bool,
    ) -> None:
        self.conn, self.head, self.study, self.versions, self.now = conn, head, study, versions, now
        self.already_true = already_true
        self.reasons: Counter[Reason] = Counter()
        self.opened = self.updated = 0
        self._begun: list[Opened] = []
        self._changed: list[Changed] = []
        self._rules = {rule.id: rule for rule in study.rules}

    def write(self, findings: Iterable[Finding], changed: set[Key]) -> None:
        """Judge every finding that changed, and those of alerts whose rule has a new version."""
        before = alerts.statuses(self.conn, self.study.id)
        for finding in findings:
            where = (finding.rule, finding.scope)
            status = before.get(where)
            if where in changed or (status and status.rule_version != self.versions[finding.rule]):
                self._judge(finding, status)
        self._tell_begun()
        self._tell_changed()

    def _judge(self, finding: Finding, status: AlertStatus | None) -> None:
        step = transition(status, finding, self.versions[finding.rule])
        if step.reason is Reason.NONE or (status is None and step.reason is Reason.NOT_EVALUABLE):
            return  # a rule that could never be judged has no alert to continue: ops hears of it (bot.telling.watching)
        rule = self._rules[finding.rule]
        written = alerts.write_version(
            self.conn, self.head, finding=recorded(status, finding), transition=step,
            rule_version=self.versions[finding.rule],
            audience=rule.audience, urgency=rule.urgency, at=self.now, already_true=self.already_true,
        )  # fmt: skip
        self.head = written.head
        self.reasons[step.reason] += 1
        self.opened += step.opens
        self.updated += not step.opens
        self._tell(rule, finding.scope, written, step, course_of(finding) is not None)

    def _tell(self, rule: Rule, scope: str, written: alerts.WrittenVersion, step: Transition, stands: bool) -> None:
        """Queue a change that only the alert's thread is told; keep what the channel is told, for one message each or
        for groups.

        `stands`: a new episode also says where the trial stands.

        At the first evaluation of a running study single events are not news: they are in the starting state, and
        their parent message is posted only when something about them changes.
        """
        if step.opens and self.already_true and rule.kind in SINGLE and step.reason is Reason.FIRST_CROSSING:
            return
        if step.opens:
            self._begun.append(Opened(rule, scope, written, stands))
            return
        parent = alert_key(self.conn, self.study.id, rule.id, scope, written.episode)
        changed = Changed(rule, scope, written, parent=parent, posted=outbox.find(self.conn, parent) is not None)
        if changed.posted and not step.broadcast:
            self._reply(changed, broadcast=False)
        else:
            self._changed.append(changed)

    def _tell_begun(self) -> None:
        """Queue the messages of all new episodes: one each, or groups where one channel gets too many at once."""
        said = divided(self._begun, self.study.config.slack.group_above)
        for group in said.groups:
            queue_group(self.conn, self.study, group, self.now)
        for one in said.alone:
            parent = alert_key(self.conn, self.study.id, one.rule.id, one.scope, one.written.episode)
            self._enqueue(one.rule, one.written, kind="parent", delivery_key=parent, step_name="alert")
            if one.stands:
                reply = key(self.conn, self.study.id, "standing", one.rule.id, one.scope, one.written.episode)
                self._enqueue(
                    one.rule, one.written, kind="reply", delivery_key=reply, step_name="standing", thread=parent
                )

    def _tell_changed(self) -> None:
        """Queue the changes that a channel sees: in the channel and the alert's thread, or, where one channel gets too
        many at once, in the threads of those that have one and in groups that list every one."""
        said = divided(self._changed, self.study.config.slack.group_above)
        for one in said.alone:
            assert isinstance(one, Changed)
            if one.posted:
                self._reply(one, broadcast=True)
            else:
                self._enqueue(one.rule, one.written, kind="parent", delivery_key=one.parent, step_name="alert")
        for group in said.groups:
            queue_group(self.conn, self.study, group, self.now)
            for one in group:
                if isinstance(one, Changed) and one.posted:
                    self._reply(one, broadcast=False)

    def _reply(self, one: Changed, *, broadcast: bool) -> None:
        rule, written = one.rule, one.written
        reply = key(self.conn, self.study.id, "change", rule.id, one.scope, written.episode, written.version)
        self._enqueue(
            rule, written, kind="reply", delivery_key=reply, step_name="change", thread=one.parent, broadcast=broadcast
        )

    def _enqueue(
        self, rule: Rule, written: alerts.WrittenVersion, *, kind: str, delivery_key: str, step_name: str,
        thread: str | None = None, broadcast: bool = False,
    ) -> None:  # fmt: skip
        outbox.enqueue(
            self.conn, study_id=self.study.id, delivery_key=delivery_key, audience=rule.audience.value, kind=kind,
            content=stored_body(StepContent(step=step_name, version=written.version)),  # type: ignore[arg-type]
            priority=PRIORITY[rule.urgency], created_at=self.study.clock.wall(), alert_id=written.alert_id,
            alert_version=written.version, broadcast=broadcast, thread_key=thread,
        )  # fmt: skip
