"""Whether the second path has the secrets that it needs, and whether its mail server can be used."""

from __future__ import annotations

from collections.abc import Iterator

from bot.configuration.paging import Paging
from bot.configuration.problems import Problem
from bot.configuration.secrets import ENVIRONMENT, NAMES, Secrets


def lacking(pager: Paging | None, secrets: Secrets) -> Iterator[Problem]:
    """Secrets that are missing: nobody would be called outside Slack, and nothing would say so."""
    if pager is None:
        return
    needed = {
        "smtp_password": pager.email is not None and pager.email.user is not None,
        "webhook_secret": pager.webhook is not None,
    }
    for name, needs in needed.items():
        if needs and not getattr(secrets, name):
            fix = f"Set {NAMES[name]}, or {NAMES[name]}_FILE to a file that holds it; or remove it from slack.paging"
            yield Problem(ENVIRONMENT, 0, NAMES[name], "is not set, so nobody would be called outside Slack", fix)
