"""An alert as plain text, complete by itself: what was found, who has seen it, and the hashes it can be checked by."""

from __future__ import annotations

import re

from bot.views import ClosedView, OpenView, WhyContent
from bot.wording.alerts import status
from bot.wording.phrases import MARK_SENTENCE
from bot.wording.text import SENTENCE, safe, unescaped
from bot.wording.times import moment

_PERSON = re.compile(r"<@([UW][A-Za-z0-9_]+)>")

TITLE = "Copy as text"
HOW = "Select the text and copy it. It holds coded terms only, no name and no verbatim words."


def copied(view: OpenView | ClosedView, said: str, *, seq: int, digest: str) -> str:
    """The text. Raises TypeError for other content.

    Parameters
    ----------
    view: of a `WhyContent`.   said: what the alert's message says, its top-level text.
    seq, digest: head of the audit chain at this moment, against which `dsmbot audit verify --anchor` checks it.
    """
    content = view.content
    if not isinstance(content, WhyContent):
        raise TypeError(f"no alert to copy but {type(content).__name__}")
    about, zone = content.alert, view.setting.timezone
    lines = [
        MARK_SENTENCE[view.setting.mode],
        said,
        f"Status: {status(about, view.setting)}",
        f"Rule {safe(about.rule.id)}, version {about.rule.version}: {safe(about.rule.sentence, SENTENCE)}",
        f"Opened {moment(about.opened_at, zone)}.",
        f"Data as of {moment(about.data_as_of, zone)}, batch {content.batch_no}.",
        f"Alert version {about.version}, episode {about.episode}. DSMBot {safe(content.code_version)}.",
        f"Hash of this finding (SHA-256): {about.basis}",
        f"Audit record {seq:,}, hash {safe(digest)}",
    ]
    return "\n".join(_for_mail(line) for line in lines if line)


def _for_mail(text: str) -> str:
    """Plain text outside Slack: no formatting, and a person by the member id that the audit has."""
    return unescaped(_PERSON.sub(r"member \1", text))
