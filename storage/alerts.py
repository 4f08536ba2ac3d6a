"""Alerts: one row an episode, one row a version, one row a response; nothing is ever changed.

`alert_head` remembers where each alert stands. It is derived from history (`storage.alert_heads`) and carries
`revision` = versions + responses: what a posted message must show to be up to date.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, and_, insert, select, update

from rules.model import AlertStatus, Audience, Finding, State, Transition, Urgency, finding_from_body
from storage import audit, sealing
from storage.alert_heads import grouped, standing_now
from storage.alert_records import (
    BY_BOT,
    STANDING,
    OpenAlert,
    Response,
    ResponseKind,
    StoredAlert,
    open_alert_from_row,
    response_from_row,
    stored_alert_from_row,
    stored_words,
)
from storage.alert_stands import Stands
from storage.columns import canonical
from storage.errors import AlertConflict
from storage.heads import Head
from storage.schema import alert, alert_head, alert_version, response
from storage.sides import numbered

Key = tuple[str, str]
"""(rule id, scope)."""


@dataclass(frozen=True, slots=True)
class WrittenVersion:
    """What `write_version` stored: the alert, its new version number, and the advanced head of the study."""

    alert_id: int
    episode: int
    version: int
    head: Head


@dataclass(frozen=True, slots=True)
class ResponseOutcome:
    """What `add_response` did.

    Parameters
    ----------
    recorded: a row was written now.
    response: that row, or the earlier one that makes it unnecessary; None where there was nothing to withdraw.
    head: the study's head, advanced when a row was written.
    """

    recorded: bool
    response: Response | None
    head: Head


def statuses(conn: Connection, study_id: str, keys: Collection[Key] | None = None) -> dict[Key, AlertStatus]:
    """What `transition()` must know of the latest episode of every scope that ever alerted, in one query.

    Parameters
    ----------
    keys: only these (rule id, scope); None for all.
    """
    h, v = alert_head.c, alert_version.c
    query = select(
        h.rule_id, h.scope, h.episode, h.version, h.ever_crossed, h.resolved, v.rule_version, v.finding
    ).join(alert_version, and_(v.alert_id == h.alert_id, v.version == h.version))
    query = query.where(h.study_id == study_id, h.latest_episode)
    if keys is not None and len(keys) <= 200:
        query = query.where(h.rule_id.in_({rule for rule, _ in keys}), h.scope.in_({scope for _, scope in keys}))
    wanted = None if keys is None else set(keys)
    return {
        (row.rule_id, row.scope): AlertStatus(
            episode=row.episode,
            version=row.version,
            finding=finding_from_body(sealing.opened(conn, study_id, row.finding)),
            ever_crossed=row.ever_crossed,
            rule_version=row.rule_version,
            resolved=row.resolved,
        )
        for row in conn.execute(query)
        if wanted is None or (row.rule_id, row.scope) in wanted
    }


def status_of(conn: Connection, study_id: str, rule_id: str, scope: str) -> AlertStatus | None:
    """`statuses` for one scope; None when it never alerted."""
    return statuses(conn, study_id, [(rule_id, scope)]).get((rule_id, scope))


def open_alerts(conn: Connection, study_id: str, *, audiences: Collection[Audience] | None = None) -> list[OpenAlert]:
    """Alerts that nobody has resolved, oldest first; of some audiences only, where they are named."""
    columns: tuple[Any, ...] = (
        alert, alert_head.c.version, alert_head.c.state, alert_head.c.ever_crossed,
        *(alert_head.c[name] for name in STANDING),
        *(column.label(f"r_{column.name}") for column in response.c),
    )  # fmt: skip
    query: Select[Any] = select(*columns).join(alert_head, alert_head.c.alert_id == alert.c.alert_id)
    query = query.outerjoin(response, response.c.response_id == alert_head.c.acknowledged_by)
    query = query.where(alert_head.c.study_id == study_id, alert_head.c.resolved.is_(False))
    if audiences is not None:
        query = query.where(alert.c.audience.in_([audience.value for audience in audiences]))
    opened = partial(sealing.opened, conn, study_id)
    return [open_alert_from_row(row, opened) for row in conn.execute(query.order_by(alert.c.alert_id))]


def write_version(
    conn: Connection,
    head: Head,
    *,
    finding: Finding,
    transition: Transition,
    rule_version: int,
    audience: Audience,
    urgency: Urgency,
    at: datetime,
    already_true: bool = False,
) -> WrittenVersion:
    """Write what a transition found: a new episode, or the next version of the open one; audited.

    Parameters
    ----------
    head: the locked head.
    transition: from `rules.evaluate.transition`, with a reason other than NONE.
    audience, urgency, already_true: kept when an episode opens; ignored for later versions.

    Raises
    ------
    AlertConflict: the transition does not fit what is stored (an episode that is out of order, or none open).
    """
    last = _last_head(conn, head.study_id, finding.rule, finding.scope)
    if transition.opens:
        alert_id = _open_episode(conn, head, last, finding, transition, audience, urgency, at, already_true)
        version, crossed = 1, False
    else:
        if last is None or last.episode != transition.episode:
            raise _conflict(finding, f"there is no episode {transition.episode} to continue")
        alert_id, version, crossed = last.alert_id, last.version + 1, last.ever_crossed
    _insert_version(conn, head.study_id, alert_id, version, finding, transition, rule_version, at)
    crossed, state = crossed or finding.state is State.CROSSED, finding.state.value
    moved: dict[str, Any] = {} if transition.opens else standing_now(conn, alert_id)
    _move_head(conn, alert_id, version=version, rule_version=rule_version, state=state, ever_crossed=crossed, **moved)
    said = {"alert_id": alert_id, "rule": finding.rule, "episode": transition.episode, "version": version}
    said |= {"reason": transition.reason.value, "state": state}
    said |= {"finding": sealing.digest(conn, head.study_id, finding)}
    head = audit.append(conn, head, at=at, actor="dsmbot", kind="alert_version", body=said)
    return WrittenVersion(alert_id, transition.episode, version, head)


def add_response(
    conn: Connection,
    head: Head,
    *,
    alert_id: int,
    kind: ResponseKind,
    alert_version: int,
    user_id: str,
    team_id: str,
    at: datetime,
    basis: str,
    inbox_key: str,
    note: str = "",
    body: Mapping[str, Any] | None = None,
) -> ResponseOutcome:
    """Record what a person did, once.

    An alert is acknowledged by one person at a time: a second acknowledgement, a withdrawal without one, a second
    resolution, or the same click delivered again writes nothing and says what is in force.

    Parameters
    ----------
    head: the locked head of the alert's study; the lock is what makes "once" true.
    basis: digest of the finding that was shown.   inbox_key: of the click, proof against redelivery.
    note: the person's own words.   body: particulars, see `storage.alert_records.Response`.

    Raises
    ------
    AlertConflict: no such alert in this study.
    """
    standing = _standing(conn, head.study_id, alert_id)
    unneeded, earlier = _already(conn, standing, kind, inbox_key)
    if unneeded:
        return ResponseOutcome(False, earlier, head)
    values = {
        "study_id": head.study_id, "alert_id": alert_id, "alert_version": alert_version, "kind": kind.value,
        "user_id": user_id, "team_id": team_id, "at": at, "basis": basis, "inbox_key": inbox_key,
        "note": stored_words(note, partial(sealing.sealed, conn, head.study_id)), "body": dict(body or {}),
    }  # fmt: skip
    [values] = numbered(conn, response.c.response_id, head.study_id, [values])
    row = conn.execute(insert(response).returning(*response.c), values).one()
    _move_head(conn, alert_id, **standing_now(conn, alert_id))
    said = {"alert_id": alert_id, "alert_version": alert_version, "kind": kind.value, "basis": basis}
    said |= {"response_id": row.response_id, "note": _digest(row.note)}
    said |= {"body": _digest(canonical(row.body))} if row.body else {}
    said |= {"covering_for": row.body["covering_for"]} if row.body.get("covering_for") else {}
    actor = BY_BOT if kind is ResponseKind.HOLD_BROKEN else f"user:{team_id}/{user_id}"
    head = audit.append(conn, head, at=at, actor=actor, kind="response", body=said)
    return ResponseOutcome(True, _response(conn, row), head)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def _response(conn: Connection, row: Any) -> Response:
    return response_from_row(row, opened=partial(sealing.opened, conn, row.study_id))


def latest(conn: Connection, alert_id: int) -> StoredAlert:
    """An alert as it stands, with all versions and responses.

    Raises
    ------
    AlertConflict: no such alert.
    """
    found = by_id(conn, [alert_id])
    if not found:
        raise AlertConflict("There is no such alert", where=f"alert {alert_id}", fix="Nothing was read.")
    return found[alert_id]


def by_id(conn: Connection, alert_ids: Collection[int]) -> dict[int, StoredAlert]:
    """Alerts with all versions and responses, by number; unknown numbers are left out."""
    ids = sorted(set(alert_ids))
    versions = grouped(conn, select(alert_version).order_by(alert_version.c.version), alert_version.c.alert_id, ids)
    answers = grouped(conn, select(response).order_by(response.c.response_id), response.c.alert_id, ids)
    return {
        row.alert_id: stored_alert_from_row(
            row, versions[row.alert_id], answers.get(row.alert_id, []), partial(sealing.opened, conn, row.study_id)
        )
        for [row] in grouped(conn, _alert_query(), alert.c.alert_id, ids).values()
    }


def _alert_query() -> Select[Any]:
    """Alerts with where they stand and the alert of the episode before."""
    before = alert.alias()
    same = and_(*(before.c[name] == alert.c[name] for name in ("study_id", "rule_id", "scope")))
    names = ("revision", "acknowledged_by", "resolved", *STANDING)
    head = tuple(alert_head.c[name] for name in names)
    query: Select[Any] = select(alert, *head, before.c.alert_id.label("previous_alert_id"))
    query = query.join(alert_head, alert_head.c.alert_id == alert.c.alert_id)
    return query.outerjoin(before, and_(same, before.c.episode == alert.c.episode - 1))


def _already(conn: Connection, standing: Any, kind: ResponseKind, inbox_key: str) -> tuple[bool, Response | None]:
    """Whether a response is unnecessary, and the earlier one that makes it so."""
    same = conn.execute(select(response).where(response.c.inbox_key == inbox_key)).one_or_none()
    if same is not None:
        return True, _response(conn, same)
    if kind is ResponseKind.ACKNOWLEDGED and standing.acknowledged_by is not None:
        row = conn.execute(select(response).where(response.c.response_id == standing.acknowledged_by)).one()
        return True, _response(conn, row)
    if kind is ResponseKind.WITHDRAWN:
        return standing.acknowledged_by is None, None
    return bool(kind is ResponseKind.RESOLVED and standing.resolved), None


def _open_episode(
    conn: Connection,
    head: Head,
    last: Any,
    finding: Finding,
    transition: Transition,
    audience: Audience,
    urgency: Urgency,
    at: datetime,
    already_true: bool,
) -> int:
    expected = 1 if last is None else last.episode + 1
    if transition.episode != expected:
        raise _conflict(finding, f"episode {transition.episode} would open where {expected} is next")
    if last is not None and not last.resolved:
        raise _conflict(finding, f"episode {last.episode} is still open: only a person ends it")
    key = {"study_id": head.study_id, "rule_id": finding.rule, "scope": finding.scope, "episode": expected}
    row = {**key, "audience": audience.value, "urgency": urgency.value, "opened_at": at, "already_true": already_true}
    [row] = numbered(conn, alert.c.alert_id, head.study_id, [row])
    alert_id: int = conn.execute(insert(alert).returning(alert.c.alert_id), row).scalar_one()
    if last is not None:
        conn.execute(update(alert_head).where(alert_head.c.alert_id == last.alert_id).values(latest_episode=False))
    standing = {"version": 0, "revision": 0, "rule_version": 0, "state": "", "ever_crossed": False}
    standing |= Stands().columns()
    conn.execute(insert(alert_head), {"alert_id": alert_id, "latest_episode": True, **key, **standing})
    return alert_id


def _insert_version(
    conn: Connection,
    side_id: str,
    alert_id: int,
    version: int,
    finding: Finding,
    transition: Transition,
    rule_version: int,
    at: datetime,
) -> None:
    change = sealing.sealed(conn, side_id, {"before": dict(transition.before), "after": dict(transition.after)})
    body = sealing.sealed(conn, side_id, finding.body())
    told = {"reason": transition.reason.value, "rule_version": rule_version, "finding": body}
    conn.execute(insert(alert_version), {"alert_id": alert_id, "version": version, "at": at, "change": change, **told})


def _move_head(conn: Connection, alert_id: int, **standing: Any) -> None:
    """One more thing happened to the alert: its revision goes up by one."""
    moved = update(alert_head).where(alert_head.c.alert_id == alert_id)
    conn.execute(moved.values(revision=alert_head.c.revision + 1, **standing))


def _standing(conn: Connection, study_id: str, alert_id: int) -> Any:
    query = select(alert_head).where(alert_head.c.alert_id == alert_id, alert_head.c.study_id == study_id)
    row = conn.execute(query).one_or_none()
    if row is None:
        where = f"alert {alert_id}, study {study_id}"
        raise AlertConflict("There is no such alert", where=where, fix="Nothing was recorded.")
    return row


def _last_head(conn: Connection, study_id: str, rule_id: str, scope: str) -> Any:
    h = alert_head.c
    query = select(alert_head).where(h.study_id == study_id, h.rule_id == rule_id, h.scope == scope, h.latest_episode)
    return conn.execute(query).one_or_none()


def _conflict(finding: Finding, why: str) -> AlertConflict:
    return AlertConflict(
        f"The alert cannot be written: {why}",
        where=f"rule {finding.rule}, scope {finding.scope}",
        fix="Nothing was written; this is a fault of the program, please report it.",
    )
