"""What a message says before it has a layout."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Said:
    """Words of one message, in order of importance.

    Parameters
    ----------
    text: the top-level text: everything essential, first words first; what lock screens and screen readers get.
    head: the heading, plain text.   lines: the body, mrkdwn, one thought a line.
    meta: small print, mrkdwn.   status: who has seen it, mrkdwn; "" where nobody need.
    """

    text: str
    head: str
    lines: tuple[str, ...] = ()
    meta: tuple[str, ...] = ()
    status: str = ""
