"""The reply that says what was recorded after people had decided to pause, hold or halt."""

from __future__ import annotations

from bot.views import ClosedView, HeldContent, OpenView
from bot.wording import forms
from bot.wording.phrases import MARK, STOP, marked
from bot.wording.said import Said
from bot.wording.text import mentions, safe

_WHAT = {"enrolment": "was enrolled", "dosing": "was dosed"}
_TITLE = {"enrolment": "Enrolment recorded after a hold", "dosing": "Dosing recorded after a hold"}
_ASK = "find out what happened. This is told for each subject until somebody records 'Resume'."


def held(view: OpenView | ClosedView) -> Said:
    """One subject enrolled or dosed after a hold. Raises TypeError for another kind of content."""
    content = view.content
    if not isinstance(content, HeldContent):
        raise TypeError(f"no hold but {type(content).__name__}")
    line, setting = content.line, view.setting
    if line.partial:
        day = " on a day that is recorded in part and may lie after the decision"
    else:
        day = f" on study day {line.study_day}" if line.study_day is not None else ", after the decision"
    said = f"Subject {safe(line.usubjid)} {_WHAT[line.what]}{day}, while {forms.held(line.decision)}."
    who = f"{mentions(content.alert.mention)}, please" if content.alert.mention else "Please"
    ask = f"{who} {_ASK}"
    title = _TITLE[line.what]
    essential = f"{title.upper()} · {safe(setting.study_id)} · {safe(content.alert.rule.id)}:"
    return Said(
        text=marked(f"{essential} {said} {ask}", setting.mode),
        head=f"{STOP} {marked(title, setting.mode)}",
        lines=(f"*{said}*", f"{ask} DSMBot has stopped nothing."),
        meta=tuple(filter(None, [MARK[setting.mode]])),
    )
