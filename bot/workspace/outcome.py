"""What a person saw after pressing, choosing, typing a command or submitting a form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one person saw as the answer to what they did.

    Parameters
    ----------
    acked: the bot took the request within three seconds; otherwise Slack shows an error.
    ephemeral: messages only this person sees that arrived since, oldest first (Slack's shape).
    view: the modal now on top of this person's screen, None without one.
    errors: block_id → message, where the bot refused a submitted form.
    """

    acked: bool
    ephemeral: tuple[dict[str, Any], ...] = ()
    view: dict[str, Any] | None = None
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The top-level text of everything that only this person saw, line by line; "" for nothing."""
        return "\n".join(str(message.get("text", "")) for message in self.ephemeral)

    def body(self) -> dict[str, Any]:
        """The outcome as JSON values."""
        return {"acked": self.acked, "ephemeral": list(self.ephemeral), "view": self.view, "errors": self.errors}
