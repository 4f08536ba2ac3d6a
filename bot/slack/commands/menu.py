"""`/safety` alone: a menu. What is pressed in it is the same as if it had been typed."""

from __future__ import annotations

from bot.slack import blocks as make
from bot.slack.case import Case
from bot.slack.commands.command import Command
from bot.wording import asked as wording


def _run(case: Case) -> None:
    command = case.request.command
    buttons = [make.ask_button(label, f"{command} {text}", number) for number, (label, text) in enumerate(wording.MENU)]
    rows = [{"type": "actions", "elements": buttons[at : at + 5]} for at in range(0, len(buttons), 5)]
    blocks = [*make.sections([wording.MENU_SAYS]), *rows, *make.context([wording.menu_more(command)])]
    case.finish("")
    case.answer(wording.menu_text(command), blocks)


MENU = Command("menu", _run)
