"""Records of the latest snapshot as content: adverse events that fit filters, and the course of one subject."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from bot.clearance.findings import alias
from bot.contents.questions import EventsContent, SubjectContent
from bot.lookup.alerts import line_of, of_subject
from bot.lookup.filters import parsed
from bot.lookup.nearest import Names
from bot.lookup.standing import HEARD
from bot.snapshots import data_cutoff
from bot.study import Study
from rules.derive import Facts
from rules.listing import listed_events, subject_course
from rules.model import Audience
from storage import alerts


def facts_now(conn: Connection, study: Study, now: datetime) -> Facts:
    """What the records say now, as the rules would be judged: blinded, cut at the latest complete read."""
    cutoff = data_cutoff(conn, study, now)
    return Facts(study.snapshots.build(study.config.plan, study.config.derivation, data_cutoff=cutoff))


def events_content(
    conn: Connection, study: Study, audience: Audience, now: datetime, words: Sequence[str]
) -> EventsContent:
    """Adverse events that fit every filter.

    Parameters
    ----------
    audience: of the reader; the records are open.   words: filters as typed (`bot.lookup.filters`).

    Raises
    ------
    NotFound: a filter or value that does not exist.
    """
    facts = facts_now(conn, study, now)
    every = listed_events(facts)
    filters = parsed(words, every, now, lambda usubjid: alias(usubjid, study.voice.setting))
    chosen = tuple(event for event in every if all(one.test(event) for one in filters))
    return EventsContent(
        audience, now, facts.snapshot.data_cutoff, tuple(one.words for one in filters), chosen, total=len(every),
        subjects=len({event.usubjid for event in chosen}), treated=facts.populations()["treated"],
    )  # fmt: skip


def subject_content(conn: Connection, study: Study, audience: Audience, now: datetime, asked: str) -> SubjectContent:
    """One subject's course and alerts.

    Parameters
    ----------
    asked: the subject as recorded, or its alias where the study shows aliases.

    Raises
    ------
    NotFound: no such subject, with the nearest; where aliases are shown, only aliases are named.
    """
    facts = facts_now(conn, study, now)
    setting = study.voice.setting
    by_name = {alias(str(name), setting): str(name) for name in facts.subjects.index}
    usubjid = by_name[Names("subject", tuple(by_name)).exact(asked)]
    course = subject_course(facts, usubjid)
    assert course is not None
    heard = HEARD[audience] or (audience,)
    wanted = [item.alert_id for item in alerts.open_alerts(conn, study.id, audiences=heard)]
    titles = {rule.id: rule.title for rule in study.config.rules}
    mine = of_subject(alerts.by_id(conn, wanted).values(), usubjid)
    lines = tuple(line_of(item, titles) for item in mine)
    return SubjectContent(audience, now, facts.snapshot.data_cutoff, course, lines)
