"""Bolt's listeners: keep the request, acknowledge the envelope, apply.

The order is the guarantee. Slack does not deliver a click again once its envelope is acknowledged, so the inbox
row is committed first; if it cannot be, the envelope stays open and Slack shows the person that it failed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from slack_bolt import Ack, App, Respond

from bot.slack import home
from bot.slack.blocks import ASK, ActionId
from bot.slack.desk import Desk
from bot.slack.inbound import COMMAND as COMMAND_KIND
from bot.slack.inbound import Request, asked, click, command, submission

COMMAND = re.compile(r"^/safety(-[a-z0-9-]+)?$")
"""The slash command of every instance: its suffix is that of the manifest the app was made with."""


def register(app: App, desk: Desk) -> None:
    """Register every listener on a Bolt app.

    Parameters
    ----------
    app: sync App (the rest of the program blocks).   desk: receives and applies.
    """

    def take(ack: Ack, inbox_key: str, request: Request, respond: Respond | None) -> None:
        fresh = desk.receive(inbox_key, request)
        ack()
        if fresh:
            desk.apply(inbox_key, request, respond)
            if request.kind != COMMAND_KIND:
                home.refresh(desk)

    def on_click(ack: Ack, body: Mapping[str, Any], respond: Respond) -> None:
        take(ack, *click(body), respond if body.get("response_url") else None)

    def on_command(ack: Ack, body: Mapping[str, Any], respond: Respond) -> None:
        take(ack, *command(body, desk.clock().isoformat()), respond if body.get("response_url") else None)

    def on_asked(ack: Ack, body: Mapping[str, Any], respond: Respond) -> None:
        """A button of the menu, which stands for a command."""
        take(ack, *asked(body), respond if body.get("response_url") else None)

    def on_submission(ack: Ack, body: Mapping[str, Any]) -> None:
        """A form with something wrong stays open and says so at the field; nothing of it is kept."""
        inbox_key, request = submission(body)
        errors = desk.errors(inbox_key, request)
        if errors:
            ack(response_action="errors", errors=errors)
        else:
            take(ack, inbox_key, request, None)

    def on_home(ack: Ack, body: Mapping[str, Any]) -> None:
        """Somebody opened App Home: it is drawn anew for what they may read now."""
        ack()
        event = body.get("event") or {}
        if event.get("tab", "home") == "home":
            home.publish(desk, str(event.get("user") or ""))

    def on_anything(ack: Ack) -> None:
        """Events nobody asked for are acknowledged, or Slack would send them again."""
        ack()

    app.action(re.compile(f"^({'|'.join(re.escape(action) for action in ActionId)})$"))(on_click)
    app.action(re.compile(f"^{ASK}_"))(on_asked)
    app.view(re.compile("^dsmbot_"))(on_submission)
    app.command(COMMAND)(on_command)
    app.event("app_home_opened")(on_home)
    app.event(re.compile(".*"))(on_anything)
