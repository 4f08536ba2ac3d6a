"""Who approves: a named person, as an auditor will read it years later."""

from __future__ import annotations

import re

from bot.config import Role, Slack

_ID = re.compile(r"^[UW][A-Z0-9]{4,}$")
_WORD = re.compile(r"[^\W\d_]{2,}")
_FUNCTIONS = frozenset(
    """
    the of and a an principal chief coordinating sub co investigator investigators investigation medical monitor
    monitors sponsor sponsors representative board dsmb dmc chair member study trial site data manager coordinator
    pharmacist research statistician unblinded operator operations physician doctor prof professor admin
    administrator approver team group committee department nobody someone somebody anyone tbd none unknown test name
    dr mr mrs ms phd md it
    """.split()  # noqa: SIM905 - read as words
)
"""Words that name a function or nobody; a name has two that are none of these."""


class NotNamed(ValueError):
    """What was typed names nobody; the message says what is wanted."""


def approver(typed: str, slack: Slack) -> str:
    """The approver as recorded: a roster id with its roles, or the name as typed.

    Conservative choice: a role, a team or initials are refused; an id must be on the roster. What was typed at the
    command line is a statement, not an electronic signature (21 CFR 11.50), and the record says so.

    Parameters
    ----------
    typed: a Slack user id of the roster, or a given and a family name, with the function after a comma.

    Raises
    ------
    NotNamed: with what is wanted.
    """
    text = " ".join(typed.split())
    if _ID.fullmatch(text):
        roles = sorted(role.value.replace("_", " ") for role in slack.roles_of(text))
        if not roles:
            raise NotNamed(f"{text} is not on the roster. Name somebody who is, or write given and family name")
        return f"{text} ({', '.join(roles)})"
    if len(text) > 200 or not text.isprintable():
        raise NotNamed("A name has at most 200 characters, all of them printable")
    name = [word for word in _WORD.findall(text.partition(",")[0]) if word.casefold() not in _FUNCTIONS]
    if len(name) < 2:
        known = ", ".join(role.value.replace("_", " ") for role in Role)
        raise NotNamed(
            f"{text!r} does not name a person. Write given and family name, with the function after a comma, or the "
            f"Slack id of somebody on the roster; a function alone ({known}) approves nothing"
        )
    return text
