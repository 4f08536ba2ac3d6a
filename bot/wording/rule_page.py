"""The answer to `rule ID`: what it says, where it stands, how far it is from acting, and what that means."""

from __future__ import annotations

from collections.abc import Mapping

from bot.contents.prognosis import prognosis
from bot.contents.questions import RuleContent
from bot.views import ClosedView, OpenView, RuleLine, scope_name
from bot.wording import outlook
from bot.wording.figures import undecided
from bot.wording.listings import alert_line
from bot.wording.notes import figures
from bot.wording.phrases import ARMS_INVENTED, FINE, LOOK, MARK, STATE, STOP, marked, protocol_says
from bot.wording.said import Said
from bot.wording.text import SENTENCE, count, safe
from bot.wording.times import moment
from bot.wording.why import stopping_points
from rules.model import Action, Audience, State

SCOPES = 12
"""Scopes of one rule that are all named; more are counted."""

_SIGN = {State.CROSSED: STOP, State.WITHIN: FINE}


def rule(view: OpenView | ClosedView) -> Said:
    """Where one rule stands. Raises TypeError for other content."""
    content = view.content
    if not isinstance(content, RuleContent):
        raise TypeError(f"no rule but {type(content).__name__}")
    zone, mode = view.setting.timezone, view.setting.mode
    first = content.lines[0]
    stands = _stands(content)
    shown = stands[:SCOPES] + ([f"Showing {SCOPES} of {len(stands):,}."] if len(stands) > SCOPES else [])
    body = [*shown, *_boundary(content)]
    says = f"The protocol says, when it is met: {protocol_says(Action(content.action))}."
    alerts = [alert_line(line, content.at, zone) for line in content.alerts[:5]]
    if len(content.alerts) > 5:
        alerts.append(f"Showing 5 of {count(len(content.alerts), 'alert')}.")
    as_of = f"Data as of {moment(content.data_as_of, zone)}." if content.data_as_of else "Not evaluated yet."
    foot = [as_of, f"Rule version {content.version}."]
    lines = [f"*{safe(content.title)}.*", *body, says, *alerts]
    plain = " ".join([*lines, safe(content.sentence, SENTENCE), *foot]).replace("*", "")
    invented = ARMS_INVENTED if view.audience is Audience.CLOSED and MARK[mode] else ""
    return Said(
        text=marked(
            f"Rule {safe(content.rule_id)} {STATE[first.state]} · {safe(view.setting.study_id)}. {plain}", mode
        ),
        head=f"{_SIGN.get(first.state, LOOK)} {marked(f'Rule {content.rule_id}: {STATE[first.state]}', mode)}",
        lines=tuple(lines),
        meta=tuple(filter(None, [safe(content.sentence, SENTENCE), *foot, invented, MARK[mode]])),
    )


def _stands(content: RuleContent) -> list[str]:
    """A line a scope; single events are only counted, for each has its alert."""
    if content.kind != "event":
        scopes = content.scopes or ("study",)
        return [_stand(line, scope) for line, scope in zip(content.lines, scopes, strict=False)]
    met = sum(line.state in (State.CROSSED, State.PROVISIONAL) for line in content.lines)
    return [f"*Met by {count(met, 'event')}*, each alerted on its own." if met else "*No event meets it.*"]


def _stand(line: RuleLine, scope: str) -> str:
    where = "" if scope == "study" else f"{safe(scope_name(scope))}: "
    reason = f" {safe(line.reason, SENTENCE)}." if line.reason else ""
    return f"{where}*{figures(line)}*: {STATE[line.state]}.{reason}"


def _boundary(content: RuleContent) -> list[str]:
    boundary = content.definition.get("boundary")
    if content.kind != "boundary" or content.finding is None or not isinstance(boundary, Mapping):
        return []
    details = content.finding.details
    said = [undecided(content.finding), *_outlook(content)]
    following = details.get("next")
    if len(said) == 1 and isinstance(following, Mapping) and following.get("stop_at") is not None:
        needed = following.get("events_needed")
        more = f": {count(int(needed), 'more event')} would cross" if isinstance(needed, int) and needed > 0 else ""
        said.append(f"At the next look, {following['look']} subjects, it stops at {following['stop_at']}{more}.")
    return [*said, f"It stops at {stopping_points(boundary.get('table') or ())}."]


def _outlook(content: RuleContent) -> list[str]:
    found = prognosis(content.definition, content.finding) if content.finding else None
    return outlook.standing(found)[1:] if found else []
