"""A mail server and a paging service on loopback, small and real, with faults on demand."""

from __future__ import annotations

import contextlib
import ipaddress
import socketserver
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOST = "127.0.0.1"


def certificate(folder: Path) -> Path:
    """A certificate for this machine with its key, in one file; a client trusts it by loading it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "loopback.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@dataclass
class Mailbox:
    """What a mail server has taken, and what it does wrong next.

    Parameters
    ----------
    faults: taken one a message, in order: `451`, `550` at RCPT, `drop` after the message was taken, `hang_up` at once,
        `hang`: no word until `freed`.
    """

    port: int = 0
    messages: list[tuple[str, EmailMessage]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    hanging: threading.Event = field(default_factory=threading.Event)
    freed: threading.Event = field(default_factory=threading.Event)

    def ids(self) -> list[str]:
        return [str(message["Message-ID"]) for _, message in self.messages]


class _Session(socketserver.StreamRequestHandler):
    box: Mailbox
    context: ssl.SSLContext | None
    offers_tls: bool

    def handle(self) -> None:
        self.tls = isinstance(self.connection, ssl.SSLSocket)
        fault = self.box.faults.pop(0) if self.box.faults else ""
        if fault == "hang_up":
            return
        if fault == "hang":
            self.box.hanging.set()
            self.box.freed.wait(30)
            return
        self.say("220 loopback")
        to = ""
        while line := self.rfile.readline().decode().strip():
            word = line.split(" ")[0].upper()
            self.box.said.append(word)
            if word in ("EHLO", "HELO"):
                starttls = ["250-STARTTLS"] if self.offers_tls and not self.tls else []
                self.say("250-loopback", *starttls, "250 AUTH PLAIN")
            elif word == "STARTTLS":
                self.say("220 go on")
                assert self.context is not None
                try:
                    self.connection = self.context.wrap_socket(self.connection, server_side=True)
                except ssl.SSLError:  # a client that does not trust us
                    return
                self.rfile, self.wfile = self.connection.makefile("rb"), cast(Any, self.connection.makefile("wb", 0))
                self.tls = True
            elif word == "AUTH":
                self.box.logins.append(line)
                self.say("235 welcome" if fault != "535" else "535 no")
            elif word == "RCPT":
                to = line.partition("<")[2].rstrip(">")
                self.say(f"{fault} not now" if fault in ("451", "550") else "250 ok")
            elif word == "DATA":
                self.say("354 go on")
                raw = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    raw += part
                self.box.messages.append((to, cast(EmailMessage, message_from_bytes(raw, policy=policy.default))))
                self.box.encrypted.append(self.tls)
                if fault == "drop":
                    return
                self.say("250 taken")
            elif word == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def finish(self) -> None:
        for open_ in (self.wfile, self.rfile, self.connection):
            with contextlib.suppress(OSError):
                open_.close()

    def say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


class _Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads = True, True


@contextlib.contextmanager
def mail_server(cert: Path | None = None, *, implicit: bool = False) -> Iterator[Mailbox]:
    """A mail server; with a certificate it offers STARTTLS, or speaks TLS from the first byte."""
    box, context = Mailbox(), None
    if cert is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert)
    offers = cert is not None and not implicit
    session = type("Session", (_Session,), {"box": box, "context": context, "offers_tls": offers})
    with _Tcp((HOST, 0), session) as server:
        if implicit and context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        box.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield box
        server.shutdown()


@dataclass
class Hook:
    """What a paging service was called with, and what it answers next.

    Parameters
    ----------
    faults: taken one a call: a status number, `drop` after the call was kept, `redirect`.
    """

    url: str = ""
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class _Answer(BaseHTTPRequestHandler):
    hook: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.hook.calls.append(({name.lower(): value for name, value in self.headers.items()}, body))
        fault = self.hook.faults.pop(0) if self.hook.faults else "204"
        if fault == "drop":
            self.connection.close()
            return
        self.send_response(302 if fault == "redirect" else int(fault.split()[0]))
        if fault == "redirect":
            self.send_header("Location", self.hook.url + "elsewhere")
        if fault == "429 60":
            self.send_header("Retry-After", "60")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def paging_service() -> Iterator[Hook]:
    """A paging service."""
    hook = Hook()
    server = ThreadingHTTPServer((HOST, 0), type("Answer", (_Answer,), {"hook": hook}))
    hook.url = f"http://{HOST}:{server.server_address[1]}/page/"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield hook
    server.shutdown()
    server.server_close()
