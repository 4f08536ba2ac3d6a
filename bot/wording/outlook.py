"""Where the trial stands, in sentences: what closed windows say, how far the boundary is, the chance to cross it."""

from __future__ import annotations

from collections.abc import Sequence

from bot.contents.notices import scope_name
from bot.contents.prognosis import MOST, Prognosis, prognosis
from bot.figures import words
from bot.views import ClosedView, OpenView, StandingContent
from bot.wording.designs import DESIGNS
from bot.wording.phrases import ARMS_INVENTED, MARK, marked
from bot.wording.said import Said
from bot.wording.text import count, safe, unescaped
from bot.wording.times import moment
from rules.model import Audience
from rules.statistics import Outlook
from rules.statistics.prediction import Case, Chance, Distance

HEADING = "Where the trial stands"
"""Above these sentences."""

NOT_COMPUTED = f"Not computed here: the rule stores no boundary, or one of more than {MOST:,} subjects."


def reply(view: OpenView | ClosedView) -> Said:
    """The reply in an alert's thread on where the trial stood when it opened. Raises TypeError for other content."""
    content = view.content
    if not isinstance(content, StandingContent):
        raise TypeError(f"no standing but {type(content).__name__}")
    found = prognosis(content.definition, content.alert.finding)
    heading, *lines = standing(found) if found else [f"*{HEADING}*", NOT_COMPUTED]
    if found:
        lines.append(false_alarm(found))
    as_of = f"Data as of {moment(content.alert.data_as_of, view.setting.timezone)}."
    named, mode = safe(content.alert.rule.id), view.setting.mode
    title = f"{heading.strip('*')}: {named}"
    invented = view.audience is Audience.CLOSED and bool(MARK[mode])
    return Said(
        text=marked(" ".join([f"{title} · {safe(view.setting.study_id)}.", *lines, as_of]), mode),
        head=marked(unescaped(title), mode),
        lines=tuple(lines),
        meta=tuple(filter(None, [as_of, MARK[mode], ARMS_INVENTED if invented else ""])),
    )


def standing(found: Prognosis) -> list[str]:
    """Where the trial stands, a thought a line (mrkdwn), its heading first."""
    outlook = found.outlook
    said = [f"*{HEADING}{_whose(found.scope)}*", posterior(found), *_distance(outlook), *_chances(found)]
    return [*said, *_cases(outlook), _worth(outlook)]


def posterior(found: Prognosis) -> str:
    """`Closed windows only: 2 events in 5 subjects. P(rate above 20 %) = 61 %; rate 33 %, 95 % between …; prior: …`"""
    p, null = found.outlook.posterior, _share(found.boundary.null_rate)
    interval = f"{_share(p.level, 0)} between {_share(p.lower)} and {_share(p.upper)}"
    said = (
        f"Closed windows only: {count(p.events, 'event')} in {count(p.n, 'subject')}. P(rate above {null}) = "
        f"{_share(p.above_null)}; rate {_share(p.mean)}, {interval}; prior: {p.prior.words}"
    )
    return f"{said}; {found.outlook.caveat}." if found.outlook.caveat else f"{said}."


def false_alarm(found: Prognosis) -> str:
    """`False alarm 9.6 % by design, if outcomes are recorded once and correctly.`"""
    return (
        f"False alarm {_share(found.boundary.attained_alpha)} by design, where the true rate is "
        f"{_share(found.boundary.null_rate)}, if outcomes are recorded once and correctly."
    )


def title(found: Prognosis) -> str:
    """The title of a drawing, plain text."""
    return f"{found.rule}{_whose(found.scope)}"


def subtitle(found: Prognosis) -> str:
    """The line below the title of a drawing: the design and what it promises, plain text."""
    name, b = DESIGNS[found.boundary.method].title, found.boundary
    null, alarm = words.share(b.null_rate), words.share(b.attained_alpha)
    return f"{name[0].upper()}{name[1:]}, null rate {null}, false alarm {alarm}; window {found.window_days} days"


def _whose(scope: str) -> str:
    return "" if scope == "study" else f", {safe(scope_name(scope))}"


def _share(value: float, digits: int = 1) -> str:
    return safe(words.share(value, digits))


def _distance(outlook: Outlook) -> list[str]:
    if outlook.crossed_at is not None:
        now = outlook.now
        stops = f", where {now.stop_at} stop" if now else ""
        return [f"Crossed at subject {outlook.crossed_at}{stops}: there is no distance left to tell."]
    said = []
    if outlook.now:
        said.append(_reached(outlook.now))
    if outlook.next:
        said.append(_coming(outlook.next))
    return said or ["No look is left at which a count could stop."]


def _reached(at: Distance) -> str:
    if not at.possible:
        return f"No look reached so far can cross any more: {at.events} events at {at.look}, it stops at {at.stop_at}."
    return (
        f"Nearest look so far: {at.events} of the {at.stop_at} events that stop at {at.look}; {at.more} more among "
        f"{count(at.awaited, 'subject')} without an outcome yet would cross it."
    )


def _coming(at: Distance) -> str:
    return f"Next look that can stop: {at.look} subjects, at {at.stop_at} events; {at.events} so far, {at.more} more."


def _chances(found: Prognosis) -> Sequence[str]:
    outlook = found.outlook
    if outlook.crossed_at is not None:
        return ()
    chances: dict[tuple[int, int], str] = {}
    for chance, when in (
        (outlook.from_pending, "from the subjects already dosed"),
        (outlook.within, f"within the next {count(outlook.within.subjects, 'subject')}"),
        (outlook.by_end, f"by subject {outlook.by_end.look}, the end of the design"),
    ):
        chances.setdefault((chance.look, chance.subjects), f"{when} {_both(chance)}")
    null = _share(found.boundary.null_rate)
    return [f"Chance to cross (in brackets: if the true rate is {null}): {', '.join(chances.values())}."]


def _both(chance: Chance) -> str:
    return f"{_share(chance.predicted)} ({_share(chance.at_null)})"


def _cases(outlook: Outlook) -> list[str]:
    if not outlook.pending:
        return []
    open_ = f"{count(len(outlook.pending), 'subject')} without an outcome yet"
    told = _events if outlook.crossed_at is not None else _case
    return [f"{open_}: if none has an event, {told(outlook.best)}; if all have one, {told(outlook.worst)}."]


def _events(case: Case) -> str:
    return f"{count(case.events, 'event')} in all"


def _case(case: Case) -> str:
    return f"{_events(case)}, {f'crossed at subject {case.crossed_at}' if case.crossed_at else 'not crossed'}"


def _worth(outlook: Outlook) -> str:
    worth = f"{outlook.effective_n:.1f}".removesuffix(".0")
    return f"Follow-up so far is worth {worth} of {count(outlook.n, 'dosed subject')} ({outlook.onset})."
