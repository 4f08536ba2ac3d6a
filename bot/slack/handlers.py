"""Bolt's listeners: keep the request, acknowledge the envelope, apply.

The order is the guarantee. Slack does not deliver a click again once its envelope is acknowledged, so the inbox
row is committed first; if it cannot be, the envelope stays open and Slack shows the person that it failed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from slack_bolt import Ack, App, Respond

from bot.slack.blocks import ActionId
from bot.slack.desk import Desk
from bot.slack.inbound import click, command

COMMAND = re.compile(r"^/safety(-[a-z0-9-]+)?$")
"""The slash command of every instance: its suffix is that of the manifest the app was made with."""


def register(app: App, desk: Desk) -> None:
    """Register every listener on a Bolt app.

    Parameters
    ----------
    app: sync App (the rest of the program blocks).   desk: receives and applies.
    """

    def on_click(ack: Ack, body: Mapping[str, Any], respond: Respond) -> None:
        inbox_key, request = click(body)
        fresh = desk.receive(inbox_key, request)
        ack()
        if fresh:
            desk.apply(inbox_key, request, respond if body.get("response_url") else None)

    def on_command(ack: Ack, body: Mapping[str, Any], respond: Respond) -> None:
        inbox_key, request = command(body, desk.clock().isoformat())
        fresh = desk.receive(inbox_key, request)
        ack()
        if fresh:
            desk.apply(inbox_key, request, respond if body.get("response_url") else None)

    def on_anything(ack: Ack) -> None:
        """Events nobody asked for are acknowledged, or Slack would send them again."""
        ack()

    app.action(re.compile(f"^({'|'.join(re.escape(action) for action in ActionId)})$"))(on_click)
    app.command(COMMAND)(on_command)
    app.event(re.compile(".*"))(on_anything)
