"""The way to a message: Slack says its address, and words without one stand alone."""

from __future__ import annotations

import re
from dataclasses import replace

from slack_sdk import WebClient

from bot.slack.line import Line
from bot.slack.outcomes import Fate, attempt
from bot.telling.grouping import GROUP, stored_group
from bot.views import StatusContent
from bot.wording.notes import SHOWN
from storage import outbox
from storage.outbox_rows import Item

_ADDRESS = re.compile(r"https?://[^\s<>|]{1,500}")


def linked(line: Line, item: Item, content: StatusContent) -> StatusContent:
    """A daily note whose open alerts name the address of their message, as far as Slack gives one.

    Parameters
    ----------
    item: the note's row: what it says is of that study alone.

    An address is not part of what was frozen: it is asked for when the note is sent, and the first refusal ends the
    asking, because no note waits for a convenience.
    """
    wanted = [alert.alert_id for alert in content.alerts[:SHOWN] if alert.alert_id]
    if not wanted:
        return content
    addresses: dict[int, str] = {}
    for number, (channel_id, ts) in _places(line, item.study_id, wanted).items():
        address = address_of(line.client, channel_id, ts)
        if not address:
            break
        addresses[number] = address
    return replace(content, alerts=tuple(replace(a, link=addresses.get(a.alert_id, "")) for a in content.alerts))


def address_of(client: WebClient, channel_id: str, ts: str) -> str:
    """Where a message is opened from, "" where Slack does not say (https://docs.slack.dev/reference/methods/chat.getPermalink)."""
    said = attempt(lambda: client.chat_getPermalink(channel=channel_id, message_ts=ts))
    address = str(said.data.get("permalink") or "")
    return address if said.fate is Fate.DONE and _ADDRESS.fullmatch(address) else ""


def _places(line: Line, study_id: str, wanted: list[int]) -> dict[int, tuple[str, str]]:
    """Channel and ts of the message of each alert: its own, else that of the group in which it was told."""
    with line.db.reading() as conn:
        found = outbox.places_of_parents(conn, study_id, wanted)
        if len(found) < len(wanted):
            for row in reversed(outbox.of_kind(conn, study_id, GROUP)):  # where it was told last
                stored = stored_group(conn, row)
                for number in stored.every if stored and row.channel_id and row.ts else ():
                    if number in wanted:
                        found.setdefault(number, (str(row.channel_id), str(row.ts)))
    return {number: found[number] for number in wanted if number in found}
