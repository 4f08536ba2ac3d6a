"""What alerts have said since a moment: which rules were newly crossed, and which alerts changed otherwise.

Read from the versions of alerts, also of those that somebody has resolved since: a note that said "nothing new" of
them would be wrong. May not word anything.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from rules.model import Audience, Reason
from rules.transition import MET
from storage import alerts
from storage.alert_records import AlertVersion, StoredAlert
from storage.schema import alert, alert_version

_NEW = frozenset({Reason.FIRST_CROSSING, Reason.CONFIRMED})


@dataclass(frozen=True, slots=True)
class News:
    """Rules, each once, in the order in which their alerts were opened.

    Parameters
    ----------
    newly: crossed for the first time in an episode, confirmed, or crossed by an amended rule.
    changed: of the others, those whose alert said anything: met again, worse, on another basis, warned of, not met.
    """

    newly: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def news_since(
    conn: Connection,
    study_id: str,
    since: datetime,
    audiences: Collection[Audience] | None,
    *,
    until: datetime | None = None,
) -> News:
    """What is new after a moment, and by another one (None: by now), in alerts of some audiences (None: all)."""
    query = select(alert.c.alert_id).join(alert_version, alert_version.c.alert_id == alert.c.alert_id)
    query = query.where(alert.c.study_id == study_id, alert_version.c.at > since)
    if audiences is not None:
        query = query.where(alert.c.audience.in_([audience.value for audience in audiences]))
    found = alerts.by_id(conn, list(conn.execute(query.distinct()).scalars()))
    newly, told = [], []
    for number in sorted(found):
        later = [one for one in found[number].versions if one.at > since and (until is None or one.at <= until)]
        told += [found[number].rule_id] if later else []
        newly += [found[number].rule_id for version in later if _is_new(found[number], version)]
    crossed = tuple(dict.fromkeys(newly))
    return News(crossed, tuple(rule for rule in dict.fromkeys(told) if rule not in crossed))


def _is_new(item: StoredAlert, version: AlertVersion) -> bool:
    if version.reason is not Reason.RULE_CHANGED:
        return version.reason in _NEW
    before = next((one for one in reversed(item.versions) if one.version < version.version), None)
    return version.finding.state in MET and (before is None or before.finding.state not in MET)
