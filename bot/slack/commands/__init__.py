"""The words after `/safety`, one module each: the table that the desk looks them up in. May not know Bolt.

To add a word: a module with a `Command`, a line in the table here, and what the word gives in
`bot.wording.replies.COMMANDS`. A command is given a `Case`, authorises with `case.may`, and ends it in one of the ways
that `bot.slack.case` names.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.slack.commands.command import Command
from bot.slack.commands.duty import COVERING, HANDING_OVER
from bot.slack.commands.help import HELP
from bot.slack.commands.menu import MENU
from bot.slack.commands.questions import AES, ALERTS, RULE, SUBJECT, SUMMARY
from bot.slack.commands.raising import RAISING
from bot.slack.commands.status import STATUS

COMMANDS: Mapping[str, Command] = {
    command.word: command
    for command in (STATUS, ALERTS, RULE, SUBJECT, AES, SUMMARY, RAISING, COVERING, HANDING_OVER, MENU, HELP)
}
"""Word → command."""
