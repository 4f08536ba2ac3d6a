"""users.* and usergroups.*: https://docs.slack.dev/reference/methods/users.info and its siblings."""

from __future__ import annotations

from typing import Any

from bot.workspace.errors import ApiError
from bot.workspace.methods.call import Call, method
from bot.workspace.people import BOT_USER_ID, TEAM_ID, Person, UserGroup


def as_slack(person: Person, timezone: str, *, with_email: bool) -> dict[str, Any]:
    """A person in Slack's shape: https://docs.slack.dev/reference/objects/user-object"""
    profile = {"real_name": person.name, "display_name": person.name, "title": person.role, "team": person.team_id}
    if with_email and person.email:
        profile["email"] = person.email
    body: dict[str, Any] = {
        "id": person.id,
        "team_id": person.team_id,
        "name": person.handle(),
        "real_name": person.name,
        "deleted": person.deleted,
        "tz": timezone,
        "profile": profile,
        "is_admin": False,
        "is_owner": False,
        "is_bot": person.is_bot,
        "is_app_user": False,
        "is_restricted": person.is_restricted,
        "is_ultra_restricted": person.is_ultra_restricted,
        "updated": 1_760_000_000,
    }
    return body | ({"is_stranger": True} if person.is_stranger else {})


def _shown(call: Call, person: Person) -> dict[str, Any]:
    return as_slack(person, call.workspace.timezone, with_email="users:read.email" in call.workspace.scopes)


@method("users.info", "users:read")
def info(call: Call) -> dict[str, Any]:
    """One person by id."""
    return {"user": _shown(call, call.person())}


@method("users.list", "users:read")
def list_(call: Call) -> dict[str, Any]:
    """Everybody, the bot's own user too."""
    everyone = [_shown(call, person) for person in call.workspace.directory.people.values()]
    shown, following = call.page(everyone, call.number("limit", 200, 1_000))
    return {"members": shown, "cache_ts": 1_760_000_000, "response_metadata": {"next_cursor": following}}


@method("users.lookupByEmail", "users:read.email")
def lookup_by_email(call: Call) -> dict[str, Any]:
    """One person by address. Its error is spelled `users_not_found`."""
    wanted = call.required("email").casefold()
    for person in call.workspace.directory.people.values():
        if person.email and person.email.casefold() == wanted:
            return {"user": _shown(call, person)}
    raise ApiError("users_not_found")


@method("usergroups.list", "usergroups:read")
def usergroups_list(call: Call) -> dict[str, Any]:
    """User groups; on a free plan `plan_upgrade_required`."""
    _paid(call)
    groups = call.workspace.directory.groups.values()
    return {"usergroups": [_group(group, with_users=call.flag("include_users")) for group in groups]}


@method("usergroups.users.list", "usergroups:read")
def usergroups_users_list(call: Call) -> dict[str, Any]:
    """Members of one user group, by id."""
    _paid(call)
    group = call.workspace.directory.groups.get(call.required("usergroup"))
    if group is None:
        raise ApiError("no_such_subteam")
    return {"users": list(group.users)}


def _paid(call: Call) -> None:
    if not call.workspace.paid_plan:
        raise ApiError("plan_upgrade_required")


def _group(group: UserGroup, *, with_users: bool) -> dict[str, Any]:
    body = {
        "id": group.id,
        "team_id": TEAM_ID,
        "is_usergroup": True,
        "name": group.handle,
        "handle": group.handle,
        "is_external": False,
        "date_delete": 0,
        "created_by": BOT_USER_ID,
        "user_count": len(group.users),
    }
    return body | ({"users": list(group.users)} if with_users else {})
