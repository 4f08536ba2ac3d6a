""" "Why?": the explanation of an alert, in a modal for the person who asks."""

from __future__ import annotations

from bot.access import Act, disclose
from bot.acting.actions import Effect
from bot.lookup.content import why_content
from bot.slack.blocks import copy_actions
from bot.slack.case import Case
from bot.slack.limits import VIEW_BLOCKS
from bot.slack.messages import explanation
from bot.wording import replies
from storage import alerts


def why(case: Case) -> None:
    """Explain from stored facts alone; in private text where the modal could not be opened in time."""
    if case.item is None or case.item.alert_id is None:
        case.finish(replies.UNKNOWN_ALERT, Effect.UNKNOWN)
        return
    with case.desk.db.reading() as conn:
        content = why_content(conn, case.voice, alerts.latest(conn, case.item.alert_id))
    view = explanation(disclose(content, case.audience, case.voice.setting))
    request = case.request
    view["blocks"] = [*view["blocks"][: VIEW_BLOCKS - 1], *copy_actions(f"{request.delivery_key}|{request.version}")]
    case.shown(case.study_id, case.audience, Act.WHY, content.alert.rule.id)
    if not case.open(view):
        text = "\n".join(block["text"]["text"] for block in view["blocks"] if block["type"] == "section")
        case.answer(text[:3_000], view["blocks"][:50])
