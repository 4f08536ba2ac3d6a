"""auth, api, team, bots and apps: who the caller is and how it connects.

https://docs.slack.dev/reference/methods/auth.test and the pages of the methods named below.
"""

from __future__ import annotations

from typing import Any

from bot.workspace.errors import ApiError
from bot.workspace.methods.call import Call, method
from bot.workspace.people import APP_ID, BOT_ID, BOT_NAME, BOT_USER_ID, TEAM_DOMAIN, TEAM_ID, TEAM_NAME
from bot.workspace.store import bot_profile


@method("api.test", token="none")  # noqa: S106 - a kind of token
def api_test(call: Call) -> dict[str, Any]:
    """Answer with the arguments; fails on request."""
    arguments = {key: value for key, value in call.arguments.items() if key != "token"}
    if call.given("error"):
        raise ApiError(call.text("error"), args=arguments)
    return {"args": arguments}


@method("auth.test", token="any")  # noqa: S106 - a kind of token
def auth_test(call: Call) -> dict[str, Any]:
    """Who this token belongs to."""
    if call.token == "app":  # noqa: S105 - a kind of token
        return {"app_name": TEAM_NAME, "app_id": APP_ID}
    return {
        "url": f"{call.workspace.origin}/",
        "team": TEAM_NAME,
        "user": BOT_NAME,
        "team_id": TEAM_ID,
        "user_id": BOT_USER_ID,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


@method("apps.connections.open", token="app")  # noqa: S106 - a kind of token
def connections_open(call: Call) -> dict[str, Any]:
    """The address for one Socket Mode connection, good once."""
    address = call.workspace.origin.replace("http://", "ws://", 1)
    return {"url": f"{address}/link/?ticket={call.workspace.hub.ticket()}&app_id={APP_ID}"}


@method("team.info", "team:read")
def team_info(call: Call) -> dict[str, Any]:
    """The workspace itself."""
    if call.text("team", TEAM_ID) != TEAM_ID:
        raise ApiError("team_not_found")
    team = {"id": TEAM_ID, "name": TEAM_NAME, "domain": TEAM_DOMAIN, "email_domain": "", "icon": {}}
    return {"team": team | {"url": f"{call.workspace.origin}/"}}


@method("bots.info", "users:read")
def bots_info(call: Call) -> dict[str, Any]:
    """The bot, asked for by its bot id."""
    if call.text("bot", BOT_ID) != BOT_ID:
        raise ApiError("bot_not_found")
    return {"bot": bot_profile() | {"user_id": BOT_USER_ID, "icons": {}}}
