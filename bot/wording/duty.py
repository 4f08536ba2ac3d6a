"""What is said of covers and handovers: in the channels they concern, and to who asks for one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.contents.duty import CoverLine, DutyContent
from bot.views import ClosedView, OpenView, Setting
from bot.wording.alerts import unescaped_lines
from bot.wording.phrases import LOOK, MARK, marked
from bot.wording.said import Said
from bot.wording.text import count, listed, mention, safe
from bot.wording.times import length, moment, whole_day

ACCEPT_HANDOVER = "Accept handover"
LONGEST_COVER = 60
"""Days."""

SHOWN = 20
UNKNOWN = "I no longer know this message. Nothing was changed, and the click was recorded."
WHO = "Please say who"
COVER_USAGE = "Write it so: `{command} cover @person until 2026-05-31`, or `{command} cover off`."
HANDOVER_USAGE = "Write it so: `{command} handover @person`."
PERSON = "person on the roster"


def duty(view: OpenView | ClosedView) -> Said:
    """The message of a cover or a handover. Raises TypeError for another kind of content."""
    content = view.content
    if not isinstance(content, DutyContent):
        raise TypeError(f"no duty but {type(content).__name__}")
    title, lines = _handover(content) if content.step == "handover" else _cover(content, view.setting)
    asked = f"{moment(content.at, view.setting.timezone)}."
    return Said(
        text=marked(unescaped_lines([f"{title} · {safe(view.setting.study_id)}:", *lines]), view.setting.mode),
        head=f"{LOOK} {marked(title, view.setting.mode)}",
        lines=tuple(lines),
        meta=tuple(filter(None, [asked, MARK[view.setting.mode]])),
    )


def _cover(content: DutyContent, setting: Setting) -> tuple[str, list[str]]:
    who, absent = mention(content.person), mention(content.by)
    if content.step == "cover_off" or content.until is None:
        return "Cover ended", [f"{absent} is back; {who} no longer covers."]
    says = f"*{who} covers for {absent} until the end of {last_day(content.until, setting)}.*"
    means = f"Alerts and calls that mention {absent} mention {who} as well, who may act on them in the same way."
    return "On cover", [says, means]


def _handover(content: DutyContent) -> tuple[str, list[str]]:
    who, giver = mention(content.person), mention(content.by)
    lines = [f"{safe(line.rule_id)} · no. {line.alert_id} · open for {length(content.at - line.opened_at)}"
             for line in content.lines[:SHOWN]]  # fmt: skip
    if len(content.lines) > SHOWN:
        lines.append(f"Showing {SHOWN} of {len(content.lines)}; all of them are passed on together.")
    number = count(len(content.lines), "open alert")
    if content.accepted_at is not None:
        return "Handover accepted", [f"● {who} accepted {number} from {giver}.", *lines]
    ask = f"*{who}, {giver} asks you to take over {number}.* Until you accept, they stay with {giver}."
    return "Handover", [ask, *lines]


def on_cover(lines: Sequence[CoverLine], setting: Setting) -> str:
    """`On cover: @b for @a until Fri 5 Jun 2026 CDT (UTC−5).`, "" where nobody is."""
    said = [f"{mention(c.person)} for {mention(c.absent)} until {last_day(c.until, setting)}" for c in lines]
    return f"On cover: {listed(said)}." if said else ""


def last_day(until: datetime, setting: Setting) -> str:
    """The last day of a cover that ends (exclusive) at midnight."""
    return whole_day(until - timedelta(seconds=1), setting.timezone)


def covered(person: str, until: datetime, setting: Setting) -> str:
    """To who asked for a cover."""
    end = "You end it earlier with cover off."
    return _in_mode(f"{mention(person)} covers for you until the end of {last_day(until, setting)}. {end}", setting)


def ended(person: str, setting: Setting) -> str:
    """To who is back."""
    return _in_mode(f"{mention(person)} no longer covers for you.", setting)


def nothing_to_end(setting: Setting) -> str:
    """Nobody covers for who asks."""
    return _in_mode("Nobody covers for you. Nothing changed.", setting)


def handed(person: str, number: int, kept: int, setting: Setting) -> str:
    """To who hands over."""
    stays = f" {count(kept, 'alert')} stay with you, because {mention(person)} may not follow them up." if kept else ""
    said = f"{mention(person)} is asked to take over {count(number, 'open alert')}. Until they accept, nothing changes."
    return _in_mode(said + stays, setting)


def nothing_to_hand(person: str, kept: int, setting: Setting) -> str:
    """No open alert can be passed on to this person."""
    if kept:
        why = f"{mention(person)} may not follow up the {count(kept, 'open alert')} that you hold"
    else:
        why = "No open alert is assigned to you or acknowledged by you"
    return _in_mode(f"{why}. Nothing changed.", setting)


def taken(giver: str, number: int, setting: Setting) -> str:
    """To who accepted."""
    return _in_mode(f"You took over {count(number, 'open alert')} from {mention(giver)}.", setting)


def not_theirs(person: str, setting: Setting) -> str:
    """To anybody else who presses."""
    return _in_mode(f"Only {mention(person)} can accept this handover. Nothing changed.", setting)


def accepted_before(setting: Setting) -> str:
    """To who presses twice."""
    return _in_mode("This handover was accepted already. Nothing changed.", setting)


def refused(why: str) -> str:
    """A cover or handover that cannot be."""
    return f"{why} Nothing changed."


YOURSELF = "That is you: name somebody else."
OTHER_SIDE = (
    "That person is on the other side of the blinding or may not read what you answer for, and cannot act for you."
)


def inactive(person: str) -> str:
    """A deactivated account can receive nothing."""
    return f"The account of {mention(person)} is deactivated in Slack: it would receive nothing."


def bad_day(typed: str, near: str) -> str:
    """A date that cannot be read, with the nearest that can."""
    hint = f" Did you mean {near}?" if near else ""
    return f"“{safe(typed, 40)}” is no date that I know; write it as 2026-05-31.{hint}"


def past(day: str) -> str:
    """A date before today."""
    return f"{day} is in the past."


def too_long(day: str, latest: str) -> str:
    """A cover of more than sixty days belongs into the roster."""
    return f"{day} is more than {LONGEST_COVER} days away; the latest is {latest}. For longer, change the roster."


def _in_mode(text: str, setting: Setting) -> str:
    return f"{MARK[setting.mode]} · {text}" if MARK[setting.mode] else text
