"""An alert's parent message: what was found, what the protocol says, what the bot has not done, who has seen it."""

from __future__ import annotations

from collections.abc import Sequence

from bot.views import AlertContent, ClosedView, OpenView, Setting
from bot.wording.clocks import CLOCK, clock_notes, clock_sentences, clock_title, submits_nothing
from bot.wording.figures import (
    SINGLE,
    boundary_count,
    described,
    event_facts,
    hangs_on,
    later_subjects,
    open_fields,
    rule_count,
    undecided,
    when_crossed,
    where_scope,
)
from bot.wording.kinds import KEPT, concern, exposure_followed, exposure_mark, signs_of
from bot.wording.phrases import ARMS_INVENTED, DONE_NOTHING, LOOK, MARK_SENTENCE, STOP, marked, protocol_says
from bot.wording.said import Said
from bot.wording.standing import status as status
from bot.wording.text import SENTENCE, mentions, safe, unescaped, words
from bot.wording.times import moment
from rules.model import Action, Audience, State

_BOUNDARIES = ("boundary", "exposure")
_STANDS = (State.CROSSED, State.PROVISIONAL)


def alert(view: OpenView | ClosedView) -> Said:
    """The parent message of an alert as it stands at its version. Raises TypeError for another kind of content."""
    content = _content(view)
    shape, title = _heading(content)
    body = _body(content, view.setting)
    ask = _ask(content)
    as_of = f"Data as of {moment(content.data_as_of, view.setting.timezone)}."
    essential = f"{title.upper()} · {safe(view.setting.study_id)} · {named(content)}: {' '.join(body.essential)}"
    return Said(
        text=marked(unescaped_lines([essential, *body.protocol, ask, as_of]), view.setting.mode),
        head=f"{shape} {marked(_head(title, content), view.setting.mode)}",
        lines=tuple(line for line in (*body.lines, *body.bold_protocol(ask)) if line),
        meta=_meta(content, view),
        status=status(content, view.setting),
    )


def unescaped_lines(lines: Sequence[str]) -> str:
    """Lines joined for the top-level text, their bold marks taken off; escapes stay, for Slack reads it as mrkdwn."""
    return " ".join(line.replace("*", "") for line in lines if line)


class _Body:
    """The parts of an alert's body that both `text` and blocks use."""

    def __init__(self, essential: Sequence[str], lines: Sequence[str], protocol: Sequence[str]) -> None:
        self.essential = tuple(filter(None, essential))
        self.lines = tuple(filter(None, lines))
        self.protocol = tuple(filter(None, protocol))

    def bold_protocol(self, ask: str) -> tuple[str, ...]:
        """The protocol's sentence in bold, then what was not done and what is asked, on one line."""
        if not self.protocol:
            return (ask,)
        first, *rest = self.protocol
        return (" ".join([f"*{first}*", *rest, ask]),)


def _content(view: OpenView | ClosedView) -> AlertContent:
    if not isinstance(view.content, AlertContent):
        raise TypeError(f"no alert but {type(view.content).__name__}")
    return view.content


def _heading(content: AlertContent) -> tuple[str, str]:
    """Shape and title in words; the title says the state, so that colour is never needed."""
    state, kind = content.finding.state, content.rule.kind
    if kind == CLOCK and state is not State.NOT_EVALUABLE:
        return clock_title(content)
    stands = "Already true when monitoring began: " if content.already_true and state in _STANDS else ""
    if state is State.PROVISIONAL:
        return LOOK, stands + ("Stopping rule would be crossed" if kind in _BOUNDARIES else "Rule would be met")
    if state is State.CROSSED:
        title = "Stopping rule crossed" if kind in _BOUNDARIES else _event_title(content)
        return STOP, stands + title
    if state is State.NOT_EVALUABLE:
        return LOOK, "Could not be evaluated"
    if state is State.BEYOND_DESIGN:
        return LOOK, "More subjects than the design allows"
    return LOOK, "No longer met on today's records" if content.crossing else "Changed"


def _event_title(content: AlertContent) -> str:
    if content.rule.kind == "manual":
        return "Concern raised"
    if content.rule.kind != "event":
        return "Rule met"
    facts = content.finding.counted()
    related = bool(facts) and bool(facts[0].facts.get("related"))
    serious = bool(facts) and bool(facts[0].facts.get("serious"))
    return " ".join(filter(None, ["related" if related else "", "serious" if serious else "", "event"])).capitalize()


def _head(title: str, content: AlertContent) -> str:
    return unescaped(f"{title}: {named(content)}")


def named(content: AlertContent) -> str:
    """What the alert is about: the subject of an event, else the rule's id, with its scope.

    An event that was corrected or deleted leaves no evidence; its alert is still about the subject of then, under a
    rule that its title no longer says.
    """
    now = content.finding.counted() or content.finding.evidence
    about = now or (content.crossing.counted() if content.crossing else ())
    if content.rule.kind in (*SINGLE, "manual") and about and about[0].usubjid:
        return f"{'' if now else f'{safe(content.rule.id)} · '}subject {safe(about[0].usubjid)}"
    return safe(content.rule.id) + where_scope(content)


def _body(content: AlertContent, setting: Setting) -> _Body:
    state = content.finding.state
    if state is State.NOT_EVALUABLE:
        reason = safe(content.finding.reason or "the reason was not recorded", SENTENCE)
        unwatched = "Until this is mended nobody is watching this rule."
        return _Body([reason, unwatched], [f"*{reason}*", unwatched, *_earlier(content, setting)], [])
    if content.rule.kind == CLOCK:
        return _clock(content, setting)
    if state is State.BEYOND_DESIGN:
        counted = described if content.rule.kind == "exposure" else lambda it: boundary_count(it.finding)
        said = f"{counted(content)}. Its false alarm and power were computed for fewer subjects."
        decide = "A person must decide how this rule goes on."
        return _Body([said], [f"*{said}*", decide, *_earlier(content, setting)], [])
    if state not in _STANDS:
        now = f"{described(content)} now."
        return _Body([now, *_earlier(content, setting)], [f"*{now}*", *_earlier(content, setting)], [])
    if content.rule.kind == "boundary":
        return _boundary(content)
    if content.rule.kind == "exposure":
        return _exposure(content)
    if content.rule.kind == "manual":
        return _Body(
            [f"{concern(content.finding)}. {KEPT}"], [f"*{concern(content.finding)}.*", KEPT], _protocol(content)
        )
    return _event(content, setting) if content.rule.kind == "event" else _count(content)


def _boundary(content: AlertContent) -> _Body:
    finding = content.finding
    count, stops = boundary_count(finding), f"the rule stops at {finding.stop_at} of {finding.at_n}"
    later = later_subjects(finding)
    if finding.state is State.PROVISIONAL:
        return _provisional(content, f"{count}; {stops}")
    lines = [
        f"*{count}* ({safe(content.rule.title)}). *{stops[0].upper()}{stops[1:]}.*",
        undecided(finding),
    ]
    return _Body([f"{count}; {stops}.", later], lines, _protocol(content))


def _exposure(content: AlertContent) -> _Body:
    finding = content.finding
    counted, mark = described(content), exposure_mark(finding)
    if finding.state is State.PROVISIONAL:
        return _provisional(content, counted, mark)
    lines = [f"*{counted}* ({safe(content.rule.title)}).", exposure_followed(finding), mark]
    return _Body([f"{counted}.", mark], lines, _protocol(content))


def _count(content: AlertContent) -> _Body:
    counted = rule_count(content)
    signs = signs_of(content.finding) if content.rule.kind == "composite" else ""
    if content.finding.state is State.PROVISIONAL:
        return _provisional(content, counted, signs)
    return _Body([f"{counted}.", signs], [f"*{counted}* ({safe(content.rule.title)}).", signs], _protocol(content))


def _clock(content: AlertContent, setting: Setting) -> _Body:
    """One event's reporting clocks: the earliest open one first."""
    first, more = clock_sentences(content, setting.timezone)
    rule = f"Rule {safe(content.rule.id)}: {safe(content.rule.title)}."
    overdue = content.finding.state is State.CROSSED and content.rule.action is not Action.NOTIFY
    protocol = _protocol(content) if overdue else []
    return _Body([first, *more], [f"*{first}*", *more, rule, submits_nothing()], protocol)


def _event(content: AlertContent, setting: Setting) -> _Body:
    facts = event_facts(content.finding)
    rule = f"Rule {safe(content.rule.id)}: {rule_count(content)}."
    notes = [f"{s[0].upper()}{s[1:]}" for s in hangs_on(content.finding, as_treated=True)]
    notes += clock_notes(content.clocks, setting.timezone)
    if content.finding.state is State.PROVISIONAL:
        return _Body([f"{facts}.", *notes], [facts, rule, *notes, _complete(content)], [])
    return _Body([f"{facts}.", *notes], [facts, rule, *notes], _protocol(content))


def _provisional(content: AlertContent, counted: str, more: str = "") -> _Body:
    """A crossing that hangs on a missing fact proposes to complete the field, not the protocol's action."""
    hangs = "; ".join(hangs_on(content.finding))
    said = f"Would be {'crossed' if content.rule.kind in _BOUNDARIES else 'met'} if {hangs}."
    complete = _complete(content)
    lines = [f"*{said}*", f"{counted} ({safe(content.rule.title)}), counted so.", more, complete]
    return _Body([said, f"{counted}, counted so.", more, complete], lines, [])


def _complete(content: AlertContent) -> str:
    fields = open_fields(content.finding)
    if not fields:
        return "Please complete the dates that are recorded in part in the source."
    return f"Please complete {'this field' if fields == 1 else f'these {fields} fields'} in the source."


def _protocol(content: AlertContent) -> list[str]:
    rule = content.rule
    says = f"The protocol says: {protocol_says(rule.action, safe(words(rule.scope_of_action)))}."
    return [says, DONE_NOTHING[rule.action]]


def _earlier(content: AlertContent, setting: Setting) -> list[str]:
    """The first crossing stays recorded, whatever the records say today."""
    if content.crossing is None:
        return []
    opened = moment(content.opened_at, setting.timezone)
    nothing = "DSMBot has resumed nothing; a person must decide."
    return [f"The first crossing stays recorded: {described(content, content.crossing)}, told {opened}.", nothing]


def _ask(content: AlertContent) -> str:
    who = f"{mentions(content.mention)}, please" if content.mention else "Please"
    if content.finding.state is State.CROSSED and content.rule.action is not Action.NOTIFY:
        return f"{who} acknowledge, then record a decision."
    return f"{who} acknowledge."


def _meta(content: AlertContent, view: OpenView | ClosedView) -> tuple[str, ...]:
    zone = view.setting.timezone
    data = f"data as of {moment(content.data_as_of, zone)}"
    parts = [*([] if content.rule.kind == CLOCK else when_crossed(content, view.setting)), data]
    first = " · ".join(parts)
    lines = [first[0].upper() + first[1:]]
    if content.episode > 1:
        lines.append(f"Episode {content.episode} of this rule: an earlier one was resolved by a person.")
    lines.append(MARK_SENTENCE[view.setting.mode])
    if view.audience is Audience.CLOSED and MARK_SENTENCE[view.setting.mode]:
        lines.append(ARMS_INVENTED)
    return tuple(filter(None, lines))
