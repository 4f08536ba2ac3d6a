"""`/safety cover PERSON until DATE | cover off | handover PERSON`: who acts in a person's place."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.access import Act, holds_act
from bot.acting import duty
from bot.acting.actions import Effect
from bot.lookup.days import day, nearest_day
from bot.lookup.nearest import Names, NotFound
from bot.slack.case import Case
from bot.slack.commands.command import Command, place
from bot.slack.commands.status import IN_PRIVATE, first_allowed
from bot.voice import Voice
from bot.wording import asked
from bot.wording import duty as wording
from storage.sides import closed_side

_MENTION = re.compile(r"<@([UW]\w+)(?:\|[^>]*)?>")
_UNTIL = re.compile(r"^(?P<who>.*?)\s*\buntil\b\s*(?P<day>.*)$", re.IGNORECASE | re.DOTALL)


class _Refused(Exception):
    """What cannot be, in words."""


def _cover(case: Case) -> None:
    voice = _voice(case, Act.COVER)
    if voice is None:
        return
    typed = case.request.text.partition(" ")[2].strip()
    me, slack, by, setting = case.request.user_id, voice.slack, case.by, voice.setting
    if typed.lower() == "off":
        told = {c.person: sorted(duty.concerned(me, c.person, slack) & set(voice.channels)) for c in case.covers(voice)}
        case.change(voice.study_id, lambda conn: duty.cover_off(conn, voice.study_id, by, setting, audiences=told))
        return
    try:
        found = _UNTIL.match(typed)
        if found is None:
            raise _Refused(wording.COVER_USAGE.format(command=case.request.command))
        person = _person(case, voice, found["who"].strip())
        concerned = duty.concerned(me, person, slack)
        if not concerned:
            raise _Refused(wording.OTHER_SIDE)
        until = _until(found["day"].strip(), case.now, setting.timezone)
    except (_Refused, NotFound) as problem:
        _say_no(case, problem)
        return
    audiences = sorted(concerned & set(voice.channels))
    case.change(voice.study_id, lambda conn: duty.cover(
        conn, voice.study_id, by, setting, person=person, until=until, audiences=audiences))  # fmt: skip


def _handover(case: Case) -> None:
    voice = _voice(case, Act.HANDOVER)
    if voice is None:
        return
    typed = case.request.text.partition(" ")[2].strip()
    me, by, setting = case.request.user_id, case.by, voice.setting
    try:
        if not typed:
            raise _Refused(wording.HANDOVER_USAGE.format(command=case.request.command))
        person = _person(case, voice, typed)
    except (_Refused, NotFound) as problem:
        _say_no(case, problem)
        return
    sides = [side for side in (voice.study_id, closed_side(voice.study_id)) if side in case.desk.voices]
    with case.desk.db.reading() as conn:
        mine = duty.held(conn, sides, me)
    both = {a for a in voice.channels if all(holds_act(who, Act.TAKE_OVER, a, voice.slack) for who in (me, person))}
    passed = {where: items for where, items in mine.items() if where[1] in both}
    kept = sum(len(items) for where, items in mine.items() if where not in passed)
    if not passed:
        case.finish(wording.nothing_to_hand(person, kept, setting), Effect.NOT_POSSIBLE)
        return
    case.change(voice.study_id, lambda conn: duty.hand_over(
        conn, by, setting, person=person, passed=passed, kept=kept))  # fmt: skip


def _voice(case: Case, act: Act) -> Voice | None:
    """The study's voice; None where the person was told that they may not."""
    voice = case.desk.voices[place(case).study_id]
    audiences = tuple(audience for audience in IN_PRIVATE if audience in voice.channels)
    allowed, (first, decision) = first_allowed(case, voice, audiences, act)
    if allowed is None:
        case.refuse(voice.study_id, act, first, decision)
        return None
    return voice


def _say_no(case: Case, problem: Exception) -> None:
    if isinstance(problem, NotFound):
        case.finish(asked.not_found(problem, case.request.command), Effect.NOT_POSSIBLE)
    else:
        case.finish(wording.refused(str(problem)), Effect.NOT_POSSIBLE)


def _person(case: Case, voice: Voice, typed: str) -> str:
    """The person who was named, on the roster and active. Raises NotFound with the nearest, or _Refused."""
    roster = {member.id for members in voice.slack.roles.values() for member in members}
    found = _MENTION.fullmatch(typed)
    name = found[1] if found else typed.removeprefix("@")
    if name not in roster:
        known = {word: one for one in sorted(roster) for word in (one, *case.desk.directory.names(one))}
        name = known[Names(wording.PERSON, tuple(known)).exact(name)]
    if name == case.request.user_id:
        raise _Refused(wording.YOURSELF)
    if case.desk.directory.account(name).deleted:
        raise _Refused(wording.inactive(name))
    return name


def _until(typed: str, now: datetime, timezone: str) -> datetime:
    """The end of that day in the study's time zone, exclusive, aware UTC."""
    wanted, zone = day(typed), ZoneInfo(timezone)
    if wanted is None:
        raise _Refused(wording.bad_day(typed, nearest_day(typed)))
    today = now.astimezone(zone).date()
    latest = today + timedelta(days=wording.LONGEST_COVER)
    if wanted < today:
        raise _Refused(wording.past(wanted.isoformat()))
    if wanted > latest:
        raise _Refused(wording.too_long(wanted.isoformat(), latest.isoformat()))
    return datetime.combine(wanted + timedelta(days=1), time(), tzinfo=zone).astimezone(UTC)


COVERING = Command("cover", _cover)
HANDING_OVER = Command("handover", _handover)
