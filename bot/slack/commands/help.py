"""`/safety help`: the words that are known."""

from __future__ import annotations

from bot.slack.case import Case
from bot.slack.commands.command import Command
from bot.wording import replies


def _run(case: Case) -> None:
    case.finish(replies.help_text(case.request.command))


HELP = Command("help", _run)
