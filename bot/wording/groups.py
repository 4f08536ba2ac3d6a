"""Where a rule stands by masked group: for the board, and in practice with groups that mean nothing."""

from __future__ import annotations

from bot.views import ClosedView, GroupLine, GroupsContent, OpenView
from bot.wording.phrases import MARK_SENTENCE, marked
from bot.wording.said import Said
from bot.wording.text import count, listed, safe
from bot.wording.times import moment

INVENTED = "Arms shown here are invented."


def groups(view: OpenView | ClosedView) -> Said:
    """One rule by masked group. Raises TypeError for other content, and for a view that is not closed."""
    content = view.content
    if not isinstance(content, GroupsContent) or not isinstance(view, ClosedView):
        raise TypeError(f"no closed groups but {type(content).__name__} in {type(view).__name__}")
    title = f"Closed, by group: {safe(content.title)}"
    said = [_line(line) for line in content.lines]
    warning = [f"*{INVENTED}* They were dealt at random and say nothing about any product."] if content.invented else []
    study = safe(view.setting.study_id)
    plain = [INVENTED] if content.invented else []
    return Said(
        text=marked(" ".join([f"{title} · {study}.", *plain, f"{listed(said)}."]), view.setting.mode),
        head=marked(title, view.setting.mode),
        lines=(*warning, *said, "Small numbers: no limit is calibrated here, so none is shown and nothing is alerted."),
        meta=tuple(
            filter(None, [f"As of {moment(content.at, view.setting.timezone)}.", MARK_SENTENCE[view.setting.mode]])
        ),
    )


def _line(line: GroupLine) -> str:
    return f"Group {safe(line.group)}: {line.counted} of {count(line.dosed, 'dosed subject')}"
