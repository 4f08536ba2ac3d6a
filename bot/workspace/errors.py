"""What can go wrong in the practice workspace.

::

    WorkspaceError           the person who drives the workspace asked for something that cannot be
    └── UnknownThing         no such channel, message, person, action or view
    ApiError                 an answer of the Web API: ``{"ok": false, "error": code}``
"""

from __future__ import annotations

from typing import Any


class WorkspaceError(Exception):
    """The driver of the workspace (a test, the page, the demo) asked for something that cannot be."""


class UnknownThing(WorkspaceError):
    """No such channel, message, person, action or view; the message names what there is."""


class ApiError(Exception):
    """An error answer of the Web API.

    Parameters
    ----------
    code: Slack's error code, as its method pages list it.
    extra: further keys of the answer (``needed``, ``provided``, ``errors``, ``response_metadata`` …).
    """

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """The JSON answer."""
        return {"ok": False, "error": self.code, **self.extra}
