"""One e-mail: composed with an id that is the same at each attempt, and sent once.

A server that takes a message and drops the connection cannot be asked what became of it. The message is then sent
again under the same Message-ID, which mail systems show once.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from bot.configuration.paging import Email
from bot.paging.attempt import SECONDS, Attempt
from bot.wording.pages import Words


def composed(words: Words, *, settings: Email, to: str, key: str, at: datetime) -> EmailMessage:
    """The e-mail of a page.

    Parameters
    ----------
    to: one address.   key: the delivery key, of which the Message-ID is made.   at: aware UTC.
    """
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = settings.sender, to, words.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{key}@{settings.sender.partition('@')[2]}>"
    message["Auto-Submitted"], message["X-Priority"], message["Importance"] = "auto-generated", "1", "high"
    message.set_content("\n\n".join(words.lines) + "\n", charset="utf-8", cte="quoted-printable")
    return message


def send(message: EmailMessage, settings: Email, password: str | None, tls: Callable[[], ssl.SSLContext]) -> Attempt:
    """Hand one message to the server. Raises nothing: what went wrong is the answer, without the password."""
    step = "connecting"
    try:
        with _connected(settings, tls) as server:
            step = "logging in"
            if settings.user is not None:
                server.login(settings.user, password or "")
            step = "sending"
            server.send_message(message)
            step = "sent"
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        return Attempt(False, f"the server refuses the address: {code} {_text(said)}")
    except smtplib.SMTPAuthenticationError as error:
        return Attempt(False, f"the server refuses the login: {error.smtp_code}")
    except smtplib.SMTPResponseException as error:
        return Attempt(False, f"{step}: the server answers {error.smtp_code} {_text(error.smtp_error)}")
    except smtplib.SMTPNotSupportedError as error:
        return Attempt(False, f"{step}: {error}")
    except (smtplib.SMTPException, OSError) as error:
        if step == "sent":  # the server has taken it, and dropped the line while being told goodbye
            return Attempt(True, "accepted")
        unknown = "; it may have been taken" if step == "sending" else ""
        return Attempt(False, f"{step}: {type(error).__name__}{unknown}")
    return Attempt(True, "accepted")


def reach(settings: Email, password: str | None, tls: Callable[[], ssl.SSLContext]) -> str:
    """Connect and log in, send nothing. What is wrong, in words; "" where mail could be sent."""
    try:
        with _connected(settings, tls) as server:
            if settings.user is not None:
                server.login(settings.user, password or "")
    except smtplib.SMTPAuthenticationError as error:
        return f"the server refuses the login: {error.smtp_code}"
    except (smtplib.SMTPException, OSError) as error:
        return f"{settings.host}:{settings.port} cannot be used: {type(error).__name__}"
    return ""


def _connected(settings: Email, tls: Callable[[], ssl.SSLContext]) -> smtplib.SMTP:
    """A connection that is encrypted before anything is said, as configured; never unencrypted for want of better."""
    if settings.security == "tls":
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=SECONDS, context=tls())
    server = smtplib.SMTP(settings.host, settings.port, timeout=SECONDS)
    try:
        if settings.security == "starttls":
            server.starttls(context=tls())
    except BaseException:
        server.close()
        raise
    return server


def _text(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:120]
