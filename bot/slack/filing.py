"""An outbox row that is a file: made from what was frozen, uploaded into its thread, found again by its name.

An upload has three steps, and only the last one shows the file to anybody: a step before it may be repeated at will,
and of the last one the thread tells whether it happened. A name is given once, to one delivery.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from bot.access import disclose
from bot.contents.summary import SummaryContent, SummaryFileContent
from bot.reports.files import made
from bot.slack.group_file import group_file
from bot.slack.line import Line
from bot.slack.outcomes import Outcome, attempt
from bot.views import GroupFileContent, stored_from_body
from bot.wording.report import report
from bot.wording.summary import file_title
from rules.model import Audience
from storage import outbox, sealing
from storage.outbox_rows import Item

FILE = "file"
"""`kind` of an outbox row that is a file."""


@dataclass(frozen=True, slots=True)
class Filed:
    """A file on its way: name (its delivery's own), title, bytes."""

    name: str
    title: str
    content: bytes
    revision: None = None

    def digest(self) -> str:
        """SHA-256 (hex) of the bytes."""
        return sha256(self.content).hexdigest()


def sought(item: Item) -> str:
    """What a row is found again by: the name of a file, the delivery key of a message."""
    return str(item.content["name"]) if item.kind == FILE else item.delivery_key


def file_of(line: Line, item: Item) -> Filed:
    """The file of a row, from what was frozen with its summary.

    Raises
    ------
    bot.access.Withheld: the row's audience may not read it.   LookupError: its summary is not there.
    """
    voice = line.voice(item)
    with line.db.reading() as conn:
        wanted = stored_from_body(sealing.opened(conn, item.study_id, item.content))
    if isinstance(wanted, GroupFileContent):
        return Filed(wanted.name, *group_file(line, item, wanted))
    assert isinstance(wanted, SummaryFileContent)
    with line.db.reading() as conn:
        parent = outbox.find(conn, wanted.summary_key)
        if parent is None:
            raise LookupError("the summary of this file is not in the outbox")
        frozen = stored_from_body(sealing.opened(conn, parent.study_id, parent.content))
    assert isinstance(frozen, SummaryContent)
    view = disclose(frozen, Audience(item.audience), voice.setting)
    return Filed(wanted.name, file_title(view, wanted.form), made(report(view), wanted.form))


def upload(line: Line, item: Item, channel_id: str, file: Filed) -> Outcome:
    """Upload a file into its thread, once (https://docs.slack.dev/reference/methods/files.completeUploadExternal)."""
    return attempt(
        lambda: line.client.files_upload_v2(
            content=file.content, filename=file.name, title=file.title, channel=channel_id, thread_ts=item.thread_ts
        )
    )
