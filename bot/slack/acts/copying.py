"""Copy as text: an alert as plain text with its hashes, for an e-mail to people who are not in Slack."""

from __future__ import annotations

from bot.access import Act, disclose
from bot.acting.actions import Effect
from bot.lookup.content import why_content
from bot.slack import blocks as make
from bot.slack.case import Case
from bot.slack.limits import SECTION_TEXT
from bot.slack.messages import render
from bot.wording import copying as wording
from bot.wording import replies
from storage import alerts
from storage.heads import read_head


def copy(case: Case) -> None:
    """Show the text in a modal above the explanation; in private text where that could not be opened in time."""
    if case.item is None or case.item.alert_id is None:
        case.finish(replies.UNKNOWN_ALERT, Effect.UNKNOWN)
        return
    with case.desk.db.reading() as conn:
        content = why_content(conn, case.voice, alerts.latest(conn, case.item.alert_id))
        head = read_head(conn, case.study_id)
    view = disclose(content, case.audience, case.voice.setting)
    said = render(disclose(content.alert, case.audience, case.voice.setting), "copy").text
    text = wording.copied(view, said, seq=head.audit_seq, digest=head.audit_hash)
    case.shown(case.study_id, case.audience, Act.COPY, content.alert.rule.id)
    pieces = make.packed(text.splitlines(), SECTION_TEXT - 10)
    blocks = [*make.sections([wording.HOW]), *(_preformatted(piece) for piece in pieces)]
    shown = {
        "type": "modal",
        "title": {"type": "plain_text", "text": wording.TITLE},
        "close": {"type": "plain_text", "text": "Close"},
        "blocks": blocks,
    }
    if not case.push(shown):
        case.answer(text[:3_000], blocks)


def _preformatted(text: str) -> make.Block:
    return {"type": "section", "text": make.mrkdwn(f"```\n{text}\n```")}
