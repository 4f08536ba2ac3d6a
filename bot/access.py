"""Who may read and do what: the one place that decides it, for clicks, commands, messages and channels.

`authorise` answers for a person, `disclose` for a message, `membership.py` in the Slack room for a channel. The
grid below is data, printed in the documentation and tested cell by cell. Whatever is unknown is refused where
closed content is concerned (ICH E6(R3) 4.1: who may see unblinded data is defined and recorded).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.acting.covering import lent
from bot.clearance.answers import clear_question
from bot.clearance.findings import RESTRICTED, alias, clear_finding, clear_summary
from bot.configuration.people import Member, Role, Slack
from bot.contents.questions import Question
from bot.views import (
    _SEAL,
    AlertContent,
    ClosedView,
    Content,
    Decided,
    EscalationContent,
    GroupedContent,
    HeldContent,
    OpenView,
    PagedContent,
    ReminderContent,
    ResponseContent,
    Setting,
    StandingContent,
    SummaryContent,
    View,
    WhyContent,
)
from rules.model import Audience
from storage.duties import Cover


class Act(StrEnum):
    """What a person can ask of the bot. A new act needs a line in `_MAY`, and a handler in `bot.slack.acts`."""

    ACKNOWLEDGE = "acknowledge"
    WITHDRAW = "withdraw"
    ASSIGN = "assign"
    NOTE = "note"
    SNOOZE = "snooze"
    DECIDE = "decide"
    RESOLVE = "resolve"
    ACCEPT = "accept"
    WHY = "why"
    STATUS = "status"
    ALERTS = "alerts"
    RULE = "rule"
    SUBJECT = "subject"
    AES = "aes"
    SUMMARY = "summary"
    COPY = "copy"
    DRILL = "drill"
    RAISE = "raise"
    COVER = "cover"
    HANDOVER = "handover"
    TAKE_OVER = "take_over"
    UNFOLD = "unfold"


_OPEN, _CLOSED, _PHARMACY, _OPS = (
    frozenset({a}) for a in (Audience.OPEN, Audience.CLOSED, Audience.PHARMACY, Audience.OPS)
)
_NOBODY: frozenset[Audience] = frozenset()

_ANSWER: Mapping[Role, frozenset[Audience]] = {
    Role.INVESTIGATOR: _OPEN, Role.MEDICAL_MONITOR: _OPEN, Role.PHARMACIST: _PHARMACY, Role.DSMB: _CLOSED,
    Role.OPERATOR: _OPS,
}  # fmt: skip
"""Those who answer for an alert: what they do to it stops the escalation, or ends it."""

_HELP: Mapping[Role, frozenset[Audience]] = {**_ANSWER, Role.COORDINATOR: _OPEN, Role.UNBLINDED_STATISTICIAN: _CLOSED}
"""Those, and who works with them: what they do silences nothing."""

_EXPLAINED: Mapping[Role, frozenset[Audience]] = {
    Role.INVESTIGATOR: _OPEN, Role.MEDICAL_MONITOR: _OPEN, Role.COORDINATOR: _OPEN,
    Role.PHARMACIST: _OPEN | _PHARMACY, Role.DSMB: _OPEN | _CLOSED, Role.UNBLINDED_STATISTICIAN: _OPEN | _CLOSED,
    Role.OPERATOR: _OPS,
}  # fmt: skip
_TOLD: Mapping[Role, frozenset[Audience]] = {
    **_EXPLAINED, Role.MEDICAL_MONITOR: _OPEN | _OPS, Role.COORDINATOR: _OPEN | _OPS, Role.OPERATOR: _OPEN | _OPS,
}  # fmt: skip
_RECORDS: Mapping[Role, frozenset[Audience]] = {role: _OPEN for role in Role if role is not Role.OPERATOR}
"""Records are open; who runs the bot needs none of them."""

_RAISES: Mapping[Role, frozenset[Audience]] = dict.fromkeys(
    (Role.INVESTIGATOR, Role.MEDICAL_MONITOR, Role.COORDINATOR, Role.PHARMACIST), _OPEN
)
"""A concern is heard openly, so that the board, which speaks in its own channel, raises none here."""

_MAY: Mapping[Act, Mapping[Role, frozenset[Audience]]] = {
    Act.ACKNOWLEDGE: _ANSWER,
    Act.WITHDRAW: _ANSWER,
    Act.ASSIGN: _HELP,
    Act.NOTE: _HELP,
    Act.SNOOZE: _ANSWER,
    Act.DECIDE: _ANSWER,
    Act.RESOLVE: _ANSWER,
    Act.ACCEPT: {Role.MEDICAL_MONITOR: _OPEN, Role.DSMB: _CLOSED},
    Act.WHY: _EXPLAINED,
    Act.STATUS: _TOLD,
    Act.ALERTS: _TOLD,
    Act.RULE: _TOLD,
    Act.SUBJECT: _RECORDS,
    Act.AES: _RECORDS,
    Act.SUMMARY: _RECORDS,
    Act.COPY: _EXPLAINED,
    Act.DRILL: _HELP,
    Act.RAISE: _RAISES,
    Act.COVER: _HELP,
    Act.HANDOVER: _HELP,
    Act.TAKE_OVER: _HELP,
    Act.UNFOLD: _EXPLAINED,
}
"""Act → who may do it with content of which audiences; roles that are left out may not."""

GRID: Mapping[Role, Mapping[Act, frozenset[Audience]]] = {
    role: {act: _MAY[act].get(role, _NOBODY) for act in Act} for role in Role
}
"""Role × act → the audiences whose content it concerns. A coordinator or statistician does not acknowledge: a click
stops the escalation to the physician or the board."""

QUESTIONS = frozenset(
    {
        Act.STATUS, Act.ALERTS, Act.RULE, Act.SUBJECT, Act.AES, Act.SUMMARY, Act.RAISE, Act.COVER, Act.HANDOVER,
    }
)  # fmt: skip
"""Acts that are asked for in words."""

_OWN = frozenset({Act.COVER, Act.HANDOVER, Act.DRILL})
"""Acts of one's own roles alone: nobody passes on a duty that they only stand in for."""

RESPONSIBLE: Mapping[Audience, Role] = {
    Audience.OPEN: Role.INVESTIGATOR,
    Audience.CLOSED: Role.DSMB,
    Audience.PHARMACY: Role.PHARMACIST,
    Audience.OPS: Role.OPERATOR,
}
"""The role that an alert of each audience speaks to."""


@dataclass(frozen=True, slots=True)
class Account:
    """What Slack says of a person at the moment of the click; None = Slack did not say.

    Parameters
    ----------
    team_id: the person's workspace.   own_team: the bot's.
    restricted: a guest of either kind.   stranger: of another workspace, in no shared channel.   deleted: switched off.
    """

    team_id: str | None = None
    own_team: str | None = None
    restricted: bool | None = None
    stranger: bool | None = None
    deleted: bool | None = None


class Refusal(StrEnum):
    """Why not. Recorded; the person is told only `bot.wording.replies.refused`."""

    NOT_ON_ROSTER = "holds no role of this study"
    NOT_THIS_ROLE = "holds no role that may do this"
    OTHER_TEAM = "is of another workspace than the roster says"
    GUEST = "is a guest account that nobody has authorised"
    STRANGER = "is a stranger from another organisation"
    DELETED = "is a deactivated account"
    UNKNOWN_ACCOUNT = "is an account about which Slack does not say enough"


@dataclass(frozen=True, slots=True)
class Decision:
    """Allowed or not; `refusal` says why not, `roles` are the roles the person holds.

    `covering`: the absent person whose role it is that allows it; "" where the person's own does.
    """

    allowed: bool
    roles: frozenset[Role] = frozenset()
    refusal: Refusal | None = None
    covering: str = ""


def authorise(
    user_id: str, account: Account, act: Act, audience: Audience, slack: Slack, covers: Iterable[Cover] = ()
) -> Decision:
    """Whether a person may do one thing with content of one audience, judged at the moment of the click.

    Parameters
    ----------
    user_id: member id as Slack signed it.   account: what Slack says of it now.
    act, audience: what is asked, about whose content.   slack: the study's channels and roles.
    covers: those in force now; a role that somebody stands in for allows what it allows its holder.

    Returns
    -------
    A decision. Facts that Slack did not give refuse for closed and pharmacy content and are tolerated for the rest,
    where the roster names the person by id.
    """
    roles = slack.roles_of(user_id)
    if not roles:
        return Decision(False, roles, Refusal.NOT_ON_ROSTER)
    able = [role for role in sorted(roles) if audience in GRID[role][act]]
    covering = "" if able else _covering(user_id, act, audience, slack, covers)
    if not able and not covering:
        return Decision(False, roles, Refusal.NOT_THIS_ROLE)
    strict, by = audience in RESTRICTED, able or sorted(roles)
    refusals = [_account_refusal(m, account, strict) for r in by for m in slack.holders(r) if m.id == user_id]
    refusal = None if None in refusals else refusals[0]
    return Decision(refusal is None, roles, refusal, covering)


def _covering(user_id: str, act: Act, audience: Audience, slack: Slack, covers: Iterable[Cover]) -> str:
    """For whom a person may do it, "" for nobody. A cover opens no restricted audience to who may not read it."""
    if act in _OWN or (audience in RESTRICTED and not holds_act(user_id, Act.STATUS, audience, slack)):
        return ""
    borrowed = lent(user_id, covers, slack)
    return next((borrowed[role] for role in sorted(borrowed) if audience in GRID[role][act]), "")


def _account_refusal(member: Member, account: Account, strict: bool) -> Refusal | None:
    expected_team = member.team or account.own_team
    if account.deleted:
        return Refusal.DELETED
    if account.team_id and expected_team and account.team_id != expected_team:
        return Refusal.OTHER_TEAM
    if account.stranger and not member.guest:
        return Refusal.STRANGER
    if account.restricted and not member.guest:
        return Refusal.GUEST
    unknown = account.team_id is None or expected_team is None or account.restricted is None
    return Refusal.UNKNOWN_ACCOUNT if strict and unknown else None


def holds_act(user_id: str, act: Act, audience: Audience, slack: Slack) -> bool:
    """Whether a person's roles let them do it, for naming them; whether their account may is judged when they click."""
    return any(audience in GRID[role][act] for role in slack.roles_of(user_id))


def able_roles(act: Act, audience: Audience) -> tuple[Role, ...]:
    """Roles that may do it, in the order of the grid."""
    return tuple(role for role, acts in GRID.items() if audience in acts[act])


def grid_table() -> str:
    """The grid as a Markdown table, for the documentation; a test keeps the two equal."""
    head = ["| role | " + " | ".join(Act) + " |", "|---" * (len(Act) + 1) + "|"]
    rows = [
        f"| {role} | " + " | ".join(", ".join(sorted(GRID[role][act])) or "–" for act in Act) + " |" for role in GRID
    ]
    return "\n".join([*head, *rows])


class Withheld(PermissionError):
    """Content that may not be shown to the audience asked for. Nothing of it is in the message."""


READABLE: Mapping[Audience, frozenset[Audience]] = {
    Audience.OPEN: _OPEN,
    Audience.CLOSED: _CLOSED | _OPEN,
    Audience.PHARMACY: _PHARMACY | _OPEN,
    Audience.OPS: _OPS | _OPEN,
}
"""Audience of the reader → audiences of content it may read."""


def disclose(content: Content, audience: Audience, setting: Setting) -> View:
    """Clear content for one audience: the only maker of views.

    Parameters
    ----------
    content: what is to be said.   audience: who will read it.   setting: study, zone, mode, privacy.

    Returns
    -------
    An `OpenView` for open and ops readers, a `ClosedView` for closed and pharmacy readers. Evidence holds only
    allow-listed facts; dates of events are gone where study days are shown; subjects have their alias where set.

    Raises
    ------
    Withheld: this audience may not read content of that audience.
    """
    if content.audience not in READABLE[audience]:
        raise Withheld(f"{content.audience} content is not for {audience} readers")
    if isinstance(content, PagedContent) and content.audience in RESTRICTED and content.alert is not None:
        raise Withheld(f"{content.audience} content does not leave by the second path")
    cleared = _cleared(content, setting)
    made: type[OpenView | ClosedView] = ClosedView if audience in RESTRICTED else OpenView
    return made(cleared, audience, setting, _SEAL)


def _cleared(content: Content, setting: Setting) -> Content:
    if isinstance(content, AlertContent):
        crossing = content.crossing and clear_finding(content.crossing, content.audience, setting)
        return replace(
            content,
            finding=clear_finding(content.finding, content.audience, setting),
            crossing=crossing or None,
            following=replace(content.following, decision=_aliased(content.following.decision, setting)),
            clocks=tuple(replace(row, usubjid=alias(row.usubjid, setting), event_key="") for row in content.clocks),
        )
    if isinstance(
        content, EscalationContent | HeldContent | ReminderContent | ResponseContent | StandingContent | WhyContent
    ):
        cleared = _cleared(content.alert, setting)
        assert isinstance(cleared, AlertContent)
        if isinstance(content, ResponseContent):
            content = replace(content, decision=_aliased(content.decision, setting))
        if isinstance(content, HeldContent):
            content = replace(content, line=replace(content.line, usubjid=alias(content.line.usubjid, setting)))
        return replace(content, alert=cleared)
    if isinstance(content, GroupedContent):
        told = tuple(_cleared(alert, setting) for alert in content.alerts)
        return replace(content, alerts=tuple(alert for alert in told if isinstance(alert, AlertContent)))
    if isinstance(content, Question):
        return clear_question(content, setting)
    if isinstance(content, PagedContent) and content.alert is not None:
        alert = _cleared(content.alert, setting)
        assert isinstance(alert, AlertContent)
        return replace(content, alert=alert)
    if isinstance(content, SummaryContent):
        return clear_summary(content, setting)
    return content


def _aliased(decision: Decided | None, setting: Setting) -> Decided | None:
    """A decision about one subject names it as the study does."""
    if decision is None or not decision.subject:
        return decision
    return replace(decision, subject=alias(decision.subject, setting))
