"""The list of a group of alerts as a CSV, made from what its message holds when the file is uploaded."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from bot.access import disclose
from bot.lookup.content import grouped_content
from bot.slack.line import Line
from bot.views import GroupedContent, GroupedStored, GroupFileContent, stored_from_body
from bot.wording.grouped import COLUMNS, file_title, row
from bot.wording.text import as_cell
from rules.model import Audience
from storage import outbox, sealing
from storage.outbox_rows import Item


def group_file(line: Line, item: Item, wanted: GroupFileContent) -> tuple[str, bytes]:
    """Title and bytes of the file of a row.

    Raises
    ------
    bot.access.Withheld: the row's audience may not read it.   LookupError: its group is not there.
    """
    voice = line.voice(item)
    with line.db.reading() as conn:
        parent = outbox.find(conn, wanted.group_key)
        stored = stored_from_body(sealing.opened(conn, parent.study_id, parent.content)) if parent else None
        if not isinstance(stored, GroupedStored):
            raise LookupError("the group of this file is not in the outbox")
        content = grouped_content(conn, voice, replace(stored, listed=stored.every))
    view = disclose(content, Audience(item.audience), voice.setting)
    assert isinstance(view.content, GroupedContent)
    file = io.StringIO()
    table = csv.writer(file)
    table.writerow(COLUMNS)
    for number, alert in enumerate(view.content.alerts, start=1):
        table.writerow([as_cell(value) for value in (number, *row(alert))])
    return file_title(view.content, view.setting), file.getvalue().encode()
