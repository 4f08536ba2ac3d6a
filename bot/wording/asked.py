"""What is said around an answer: what was not found and what was meant, where the answer went, the menu."""

from __future__ import annotations

from bot.lookup.nearest import NotFound
from bot.wording.replies import help_text
from bot.wording.text import safe

SHARE_WHERE = (
    "I share answers only in the study's own channels. Nothing was posted; ask again there, or without --share."
)
SHARE_NOT_HERE = "That answer is not for everybody in this channel. Nothing was posted; ask again without --share."
NOT_SENT = "I could not send the answer; Slack refused it. Nothing was posted. Please try again, or tell the operators."

MENU_SAYS = "*What would you like to know?*"
MENU = (
    ("Status", "status"),
    ("Open alerts", "alerts open"),
    ("All alerts", "alerts all"),
    ("Serious events", "aes serious"),
    ("All events", "aes"),
    ("Summary", "summary"),
    ("Help", "help"),
)
"""Label of a button → what it asks, as if typed."""


def sent(address: str) -> str:
    """The answer went to the direct messages; `address` opens it there."""
    there = f" <{address}|Open it>" if address else ""
    return f"The answer is long, so I sent it to your direct messages. Only you see it there.{there}"


def not_found(missing: NotFound, command: str) -> str:
    """What does not exist, in a sentence with the nearest that does."""
    asked = f" “{safe(missing.asked, 40)}”" if missing.asked else ""
    said = f"I know no {safe(missing.what)}{asked}" if missing.asked else f"Please say which {safe(missing.what)}"
    of = f" ({safe(missing.of)})" if missing.of else ""
    near = f" Did you mean {' or '.join(map(safe, missing.near))}?" if missing.near else ""
    return f"{said}{of}.{near} Nothing was shown. {safe(command)} help lists what I know."


def no_summary(why: str) -> str:
    """Why there is no summary of the moment that was asked for."""
    return f"{safe(why, 300)} Nothing was shown."


def menu_more(command: str) -> str:
    """What has no button, because it needs a word of the person's."""
    return (
        f"Or type: `{safe(command)} rule ID`, `{safe(command)} subject ID`, `{safe(command)} aes related grade>=3`; "
        "add `--share` to post the answer in this channel."
    )


def menu_text(command: str) -> str:
    """The menu without its buttons, for screen readers and plain clients."""
    return f"What would you like to know? {help_text(command)}"


RAISE_TITLE, RAISE = "Raise a concern", "Raise"
RAISE_SAYS = (
    "*This alerts the people responsible at once.* They are told the rule, the subject and the coded term. "
    "Your own words stay in the study's database and are not posted."
)
RAISE_RULE, RAISE_SUBJECT, RAISE_TERM, RAISE_WORDS = "Under which rule?", "Subject", "Coded term", "What concerns you?"
RAISE_SUBJECT_HINT = "As the study names it. Leave it empty for the study as a whole."
RAISE_NO_TERM = "No coded term"
RAISE_WORDS_HINT = "Kept for those who may read the database. No names of patients, no arms, no lots."
NOTHING_TO_RAISE = "No rule of this study lets you raise a concern here. Nothing was recorded; please tell the monitor."
NOT_RAISED = "The concern was not recorded, because the form no longer fits the study. Please open it again."
RAISE_TOO_LATE = "Slack did not open the form in time. Nothing was recorded; please type the command again."


def raised(title: str) -> str:
    """To the person who raised it."""
    return f"Your concern is recorded under “{safe(title)}”. The people responsible are alerted at the next evaluation."
