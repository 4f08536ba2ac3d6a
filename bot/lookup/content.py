"""From stored rows to content: what an outbox row, an explanation or a status answer is about.

Reads the database, judges nothing: every number comes from a stored finding. May not know Slack's API.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from bot.acting.covering import beside, joined
from bot.configuration.people import Role
from bot.contents.clocks import ClockRow, clock_rows
from bot.views import (
    Acknowledgement,
    AlertContent,
    Call,
    Content,
    Decided,
    EscalationContent,
    Following,
    GroupedContent,
    GroupedStored,
    HeldContent,
    PageContent,
    PagedContent,
    ReminderContent,
    ResponseContent,
    RuleFacts,
    StandingContent,
    StepContent,
    WhyContent,
    stored_from_body,
)
from bot.voice import Voice
from rules.model import Action, Audience, Finding, State, Urgency
from storage import alerts, sealing
from storage.alert_records import AlertVersion, Response, ResponseKind, StoredAlert, until_of
from storage.alert_stands import REOPENS, stands
from storage.duties import covers
from storage.findings import last_finding, read_rule_version
from storage.outbox_rows import Item
from storage.schema import evaluation, revision
from storage.sides import study_of

_OF_ACKNOWLEDGING = (ResponseKind.ACKNOWLEDGED, ResponseKind.WITHDRAWN)
_CROSSING = (State.CROSSED, State.PROVISIONAL)


def content_of(conn: Connection, item: Item, voice: Voice) -> Content:
    """What an outbox row says now: the parent of an alert in its latest version, a step as it was.

    Raises
    ------
    pydantic.ValidationError, storage.errors.AlertConflict: the row or its alert is not of this program's making.
    """
    stored = stored_from_body(sealing.opened(conn, item.study_id, item.content))
    if isinstance(stored, PageContent):
        return _paged(conn, item, voice, stored)
    if isinstance(stored, GroupedStored):
        return grouped_content(conn, voice, stored)
    if not isinstance(stored, StepContent):
        return stored
    assert item.alert_id is not None
    alert = alerts.latest(conn, item.alert_id)
    if stored.step == "alert":
        return alert_content(conn, voice, alert)
    if stored.step == "change":
        return alert_content(conn, voice, alert, version=stored.version)
    if stored.step == "standing":
        return standing_content(conn, voice, alert, stored.version)
    about = alert_content(conn, voice, alert)
    if stored.step == "reminder":
        return ReminderContent(replace(about, mention=joined(about.mention, stored.covering)), stored.after_minutes)
    if stored.step == "held" and stored.held is not None:
        return HeldContent(about, stored.held)
    if stored.step == "response":
        return response_content(about, next(item for item in alert.responses if item.response_id == stored.number))
    called = joined(voice.members(Role(stored.role)), stored.covering)
    return EscalationContent(about, stored.role, called, stored.after_minutes, stored.vacant)


def grouped_content(conn: Connection, voice: Voice, stored: GroupedStored) -> GroupedContent:
    """Many alerts told together, each as it was: a message that was read does not change under its reader."""
    found, told_at = alerts.by_id(conn, stored.listed), stored.told_at()
    told = tuple(alert_content(conn, voice, found[one], version=told_at.get(one, 1)) for one in stored.listed)
    role, mention = voice.responsible(stored.audience)
    if stored.step == "call":
        role, mention = Role(stored.role), joined(voice.members(Role(stored.role)), stored.covering)
    if stored.step == "reminder":
        mention = joined((stored.acknowledged_by,), stored.covering)
    return GroupedContent(stored, told, role.value, mention if stored.urgency is not Urgency.ROUTINE else ())


def _paged(conn: Connection, item: Item, voice: Voice, stored: PageContent) -> PagedContent:
    """What leaves by the second path: of open alerts their counts, where the configuration lets them; else nothing."""
    audience, pager = Audience(item.audience), voice.slack.pager
    told = item.alert_id is not None and audience is Audience.OPEN and pager is not None and pager.content == "counts"
    alert = alert_content(conn, voice, alerts.latest(conn, item.alert_id)) if told and item.alert_id else None
    together = stored.together if audience is Audience.OPEN else 0  # of a restricted side not even a number leaves
    return PagedContent(audience, stored.why, stored.minutes, alert, together)


def alert_content(conn: Connection, voice: Voice, alert: StoredAlert, *, version: int | None = None) -> AlertContent:
    """An alert as content.

    Parameters
    ----------
    version: the step to tell; None = the alert as it stands now.
    """
    shown = alert.latest if version is None else next(v for v in alert.versions if v.version == version)
    role, members = voice.responsible(alert.audience)
    standing_in = covers(conn, study_of(alert.study_id), shown.at)
    mention = joined(members, beside(role, standing_in, voice.slack))
    done, withdrawn = standing(alert)
    since = unacknowledged_since(alert)
    unwatched = done is None and not alert.resolved
    return AlertContent(
        rule=rule_facts(conn, voice, alert, shown.rule_version),
        finding=shown.finding,
        reason=shown.reason,
        opened_at=alert.opened_at,
        changed_at=shown.at,
        data_as_of=_evaluated(conn, alert.study_id, shown.at)[0],
        episode=alert.episode,
        version=shown.version,
        change={"before": shown.before, "after": shown.after},
        crossing=_crossing(alert.versions, shown),
        already_true=alert.already_true,
        acknowledgement=done,
        withdrawn=withdrawn,
        undoes=undone(alert, shown),
        calls=calls(voice, alert.urgency, since) if unwatched else (),
        following=following(alert),
        clocks=_clocks(conn, voice, alert),
        basis=sealing.digest(conn, alert.study_id, shown.finding),
        role=role.value,
        mention=mention if alert.urgency is not Urgency.ROUTINE else (),
    )


def standing(alert: StoredAlert) -> tuple[Acknowledgement | None, Acknowledgement | None]:
    """The acknowledgement in force, or the last one taken back where none was given since: at most one of the two."""
    done = alert.acknowledgement
    if done is not None:
        return Acknowledgement(done.user_id, done.at), None
    last = next((r for r in reversed(alert.responses) if r.kind in _OF_ACKNOWLEDGING), None)
    taken_back = last is not None and last.kind is ResponseKind.WITHDRAWN
    return None, Acknowledgement(last.user_id, last.at) if last is not None and taken_back else None


def unacknowledged_since(alert: StoredAlert) -> datetime:
    """Since when calls count: the opening, or when an acknowledgement or a snooze last ended."""
    return alert.reopened_at or alert.opened_at


def undone(alert: StoredAlert, step: AlertVersion) -> Acknowledgement | None:
    """The acknowledgement that stood until this version reopened the alert, or None."""
    if step.reason not in REOPENS:
        return None
    before = [version for version in alert.versions if version.version < step.version]
    given = [item for item in alert.responses if item.at <= step.at]
    number = stands(before, given).acknowledged_by
    found = next((item for item in given if item.response_id == number), None)
    return Acknowledgement(found.user_id, found.at) if found and found.alert_version < step.version else None


def following(alert: StoredAlert) -> Following:
    """What else people did with an alert, as far as it stands."""
    by_number = {item.response_id: item for item in alert.responses}
    decided = by_number.get(alert.decided_by) if alert.decided_by is not None else None
    ended = next((item for item in alert.responses if item.kind is ResponseKind.RESOLVED), None)
    last = next((r for r in reversed(alert.responses) if r.kind in _OF_ACKNOWLEDGING), None)
    overtaken = alert.acknowledgement is None and last is not None and last.kind is ResponseKind.ACKNOWLEDGED
    broken = [item for item in alert.responses if item.kind is ResponseKind.HOLD_BROKEN]
    return Following(
        reopened=Acknowledgement(last.user_id, last.at) if last is not None and overtaken else None,
        reopened_at=max([alert.latest.at, *(item.at for item in broken)]) if overtaken else None,
        hold_broken=bool(last and broken and broken[-1].response_id > last.response_id),
        assignee=alert.assignee or "",
        snoozed_until=alert.snoozed_until,
        decision=decision_of(decided) if decided is not None else None,
        rearmed=alert.rearmed,
        holding=tuple(alert.holding.split()),
        resolved=Acknowledgement(ended.user_id, ended.at) if ended else None,
        reason=ended.note if ended else "",
        updated_at=max((item.at for item in alert.responses), default=None),
    )


def decision_of(item: Response) -> Decided:
    """A decision as recorded."""
    subject = str(item.body.get("scope", "")).partition("subject:")[2]
    return Decided(str(item.body["decision"]), item.user_id, item.at, subject, item.note)


def response_content(about: AlertContent, item: Response) -> ResponseContent:
    """One thing that a person did, beside the alert as it stands."""
    return ResponseContent(
        alert=about,
        kind=item.kind.value,
        by=Acknowledgement(item.user_id, item.at),
        seen=item.alert_version,
        assignee=str(item.body.get("assignee", "")),
        until=until_of(item.body) if item.kind is ResponseKind.SNOOZED else None,
        decision=decision_of(item) if item.kind is ResponseKind.DECIDED else None,
        words=item.note,
        handed_by=str(item.body.get("handed_over_by", "")),
        covering=str(item.body.get("covering_for", "")),
    )


def calls(voice: Voice, urgency: Urgency, unacknowledged_since: datetime) -> tuple[Call, ...]:
    """Whom silence calls, and when. Routine alerts call nobody; a role that nobody holds is called all the same."""
    if urgency is Urgency.ROUTINE:
        return ()
    return tuple(Call(step.to.value, unacknowledged_since + step.after) for step in voice.slack.escalate)


def rule_facts(conn: Connection, voice: Voice, alert: StoredAlert, version: int) -> RuleFacts:
    """The rule version that judged, from what was stored with it; its sentence is the configured rule's."""
    stored = read_rule_version(conn, alert.study_id, alert.rule_id, version)
    body: Mapping[str, Any] = stored.body if stored else {}
    rule = definition(body)
    return RuleFacts(
        id=alert.rule_id,
        title=str(rule.get("title") or alert.rule_id),
        kind=str(rule.get("kind", "")),
        action=Action(rule.get("action", Action.NOTIFY)),
        audience=alert.audience,
        urgency=alert.urgency,
        scope_of_action=str(rule.get("scope_of_action") or ""),
        sentence=voice.sentences.get(alert.rule_id, str(rule.get("title") or alert.rule_id)),
        version=version,
    )


def definition(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The rule's own fields within a stored version's body."""
    rule = body.get("rule")
    return rule if isinstance(rule, Mapping) else body


def standing_content(conn: Connection, voice: Voice, alert: StoredAlert, version: int) -> StandingContent:
    """Where the trial stood at one version of an alert, from what was stored then."""
    about = alert_content(conn, voice, alert, version=version)
    stored = read_rule_version(conn, alert.study_id, alert.rule_id, about.rule.version)
    return StandingContent(about, definition(stored.body) if stored else {})


def why_content(conn: Connection, voice: Voice, alert: StoredAlert) -> WhyContent:
    """Everything that explains an alert, from stored facts alone."""
    about = alert_content(conn, voice, alert)
    stored = read_rule_version(conn, alert.study_id, alert.rule_id, about.rule.version)
    _, batch_no, code_version = _evaluated(conn, alert.study_id, alert.latest.at)
    return WhyContent(
        alert=about,
        definition=definition(stored.body) if stored else {},
        batch_no=batch_no,
        code_version=code_version,
        revisions=_revisions(conn, alert.study_id, alert.finding),
    )


def _clocks(conn: Connection, voice: Voice, alert: StoredAlert) -> tuple[ClockRow, ...]:
    """Reporting clocks of the event that an alert is about: those of rules that speak to the same audience."""
    rules = [rule_id for rule_id, audience in voice.clocks.items() if audience is alert.audience]
    if alert.rule_id in voice.clocks:
        return ()
    found = (last_finding(conn, alert.study_id, rule_id, alert.scope) for rule_id in rules)
    return clock_rows(filter(None, found))


def _crossing(versions: Iterable[AlertVersion], shown: AlertVersion) -> Finding | None:
    """The first finding up to this version that was met; a full crossing goes before a provisional one."""
    known = [v.finding for v in versions if v.version <= shown.version]
    for state in _CROSSING:
        for finding in known:
            if finding.state is state:
                return finding
    return None


def _evaluated(conn: Connection, study_id: str, at: datetime) -> tuple[datetime, int, str]:
    """Data cut-off, batch and code version of the evaluation that wrote an alert version at `at`."""
    c = evaluation.c
    query = select(c.data_cutoff, c.batch_no, c.code_version).where(c.study_id == study_id, c.at <= at)
    row = conn.execute(query.order_by(c.evaluation_id.desc()).limit(1)).one_or_none()
    return (at, 0, "") if row is None else (row.data_cutoff, row.batch_no, row.code_version)


def _revisions(conn: Connection, study_id: str, finding: Finding) -> dict[str, int]:
    """Record key → stored revisions, for the counted records."""
    keys = sorted({item.record_key for item in finding.counted() if item.record_key})[:500]
    c = revision.c
    query = select(c.record_key, func.count().label("number"))
    query = query.where(c.study_id == study_of(study_id), c.record_key.in_(keys))
    return {row.record_key: row.number for row in conn.execute(query.group_by(c.record_key))}


def audiences(voice: Voice) -> tuple[Audience, ...]:
    """Audiences that have a channel, in a fixed order."""
    return tuple(audience for audience in Audience if audience in voice.channels)
