"""What a drill says: nothing has happened, please press."""

from __future__ import annotations

from bot.views import ClosedView, DrillContent, OpenView
from bot.wording.alerts import unescaped_lines
from bot.wording.phrases import LOOK, MARK, marked
from bot.wording.said import Said
from bot.wording.text import mentions, safe
from bot.wording.times import hour, moment

PRESS = "I got this on my phone"


def drill(view: OpenView | ClosedView) -> Said:
    """The message of a drill. Raises TypeError for another kind of content."""
    content = view.content
    if not isinstance(content, DrillContent):
        raise TypeError(f"no drill but {type(content).__name__}")
    zone = view.setting.timezone
    nothing = "This is a drill. Nothing has happened to any subject."
    until = hour(content.until, zone, beside=content.at)
    ask = f"{mentions(content.people, 50)}, please press “{PRESS}”, on your phone, before {until}."
    why = "Whoever does not press is listed: an alert would not reach them either."
    essential = f"DRILL · {safe(view.setting.study_id)}:"
    began = f"Asked {moment(content.at, zone)}."
    return Said(
        text=marked(unescaped_lines([f"{essential} can you be reached?", nothing, ask]), view.setting.mode),
        head=f"{LOOK} {marked('Drill: can you be reached?', view.setting.mode)}",
        lines=(f"*{nothing}*", ask, why),
        meta=tuple(filter(None, [began, MARK[view.setting.mode]])),
    )
