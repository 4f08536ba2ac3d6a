"""What stands before every request: the Host and Origin checks, the page's session, and the security headers.

A page on loopback can be reached by any web site the person has open, by a name that resolves to 127.0.0.1 (DNS
rebinding) or by a form that posts here. So: only our own Host, only our own Origin, and a session that begins with the
one-time key of the printed link.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.workspace.page import Page

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
"""Nothing from elsewhere, nothing inline: https://developer.mozilla.org/docs/Web/HTTP/CSP"""

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """The outermost ASGI layer.

    Parameters
    ----------
    app: what it protects. origin: our own, ``http://host:port``. page: knows sessions and the control key.
    """

    def __init__(self, app: ASGIApp, origin: str, page: Page) -> None:
        self._app = app
        self._page = page
        parts = urlsplit(origin)
        names = {str(parts.hostname), "localhost", "127.0.0.1"}
        self._hosts = {parts.netloc, *(f"{name}:{parts.port}" for name in names)}
        self._names = names
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with security headers added."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await PlainTextResponse(refusal, 403, HEADERS)(scope, receive, send)

    def _refusal(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        portless = scope["type"] == "websocket" and host in self._names  # slack-sdk's own client leaves the port out
        if host not in self._hosts and not portless:
            return "This address is not the practice workspace's own. Open the link that was printed."
        origin = headers.get("origin")
        if origin is not None and origin not in self._origins:
            return "Another web site asked for this. Refused."
        if not scope["path"].startswith("/page/"):
            return None
        if self._page.has_control_key(headers.get("authorization", "")):
            return None
        if scope.get("method") != "GET" and origin is None:
            return "A browser names the page that asks; this request did not. Refused."
        if not self._page.has_session(headers.get("cookie", "")):
            return "No session. Open the link that was printed, or ask for another."
        return None


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
