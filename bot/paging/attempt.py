"""What became of one attempt to reach somebody outside Slack."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

import truststore

SECONDS = 15.0
"""How long a server may take to answer, at each step."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt's end.

    Parameters
    ----------
    sent: the other side has taken it.   answer: what it said, in few words, never a secret.
    wait: seconds that it asks to wait; 0 = it did not say.
    """

    sent: bool
    answer: str
    wait: float = 0.0


def system_tls() -> ssl.SSLContext:
    """Certificates are those of the operating system, because a hospital's proxy has its own authority."""
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
