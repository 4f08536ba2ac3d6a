"""Files as the workspace keeps them: an address to upload to, the bytes, then the share that makes a message of them.

Source: https://docs.slack.dev/reference/methods/files.getUploadURLExternal,
https://docs.slack.dev/reference/methods/files.completeUploadExternal and
https://docs.slack.dev/reference/objects/file-object for the shape.
"""

from __future__ import annotations

import base64
import mimetypes
import secrets
from dataclasses import asdict, dataclass
from typing import Any

from bot.workspace.errors import ApiError
from bot.workspace.people import BOT_USER_ID, TEAM_ID

ALT_TEXT = 1_000
"""Longer descriptions are refused: `alt_txt_too_large`."""
MOST_BYTES = 50_000_000
"""Of one file here; Slack takes 1 GB, which no practice needs (`file_upload_size_restricted`)."""


@dataclass(slots=True)
class File:
    """One file.

    Parameters
    ----------
    id: F…. secret: last part of the upload address. name, length, alt_txt: as announced before the upload.
    content: the bytes, None until they have come. title: set with the share. shared: it can be shared once only.
    """

    id: str
    secret: str
    name: str
    length: int
    alt_txt: str = ""
    content: bytes | None = None
    title: str = ""
    shared: bool = False
    created: int = 0

    @property
    def mimetype(self) -> str:
        """By the ending of the name, as Slack guesses it."""
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"

    def as_slack(self, origin: str) -> dict[str, Any]:
        """The file in Slack's shape; its address works on the practice page."""
        kind = self.name.rpartition(".")[2].lower() if "." in self.name else "binary"
        address = f"{origin}/page/file/{self.id}"
        body: dict[str, Any] = {
            "id": self.id,
            "created": self.created,
            "timestamp": self.created,
            "name": self.name,
            "title": self.title or self.name,
            "mimetype": self.mimetype,
            "filetype": kind,
            "pretty_type": kind.upper(),
            "user": BOT_USER_ID,
            "user_team": TEAM_ID,
            "editable": False,
            "size": self.length,
            "mode": "hosted",
            "is_external": False,
            "external_type": "",
            "is_public": False,
            "public_url_shared": False,
            "url_private": address,
            "url_private_download": address,
            "permalink": address,
        }
        return body | ({"alt_txt": self.alt_txt} if self.alt_txt else {})


class Files:
    """All files of the workspace. Guarded by the workspace's lock."""

    def __init__(self) -> None:
        self._files: dict[str, File] = {}

    def announce(self, name: str, length: int, alt_txt: str, created: int) -> File:
        """Begin an upload: a file without content, and where to send it."""
        file = File(f"F0PRACTICE{len(self._files) + 1}", secrets.token_hex(20), name, length, alt_txt, created=created)
        self._files[file.id] = file
        return file

    def receive(self, secret: str, content: bytes) -> str:
        """Take the bytes of an announced upload; returns what Slack answers.

        Raises ApiError `file_not_found` for an address that was never given, `invalid_upload` where the bytes are not
        as many as announced, or the address was used before.
        """
        file = next((f for f in self._files.values() if secrets.compare_digest(f.secret, secret)), None)
        if file is None:
            raise ApiError("file_not_found")
        if file.content is not None or len(content) != file.length:
            raise ApiError("invalid_upload")
        file.content = content
        return f"OK - {len(content)}"

    def uploaded(self, file_id: str) -> File:
        """A file whose bytes came and which was not shared yet. Raises ApiError `file_not_found`."""
        file = self._files.get(file_id)
        if file is None or file.content is None or file.shared:
            raise ApiError("file_not_found")
        return file

    def find(self, file_id: str) -> File | None:
        """A file by id."""
        return self._files.get(file_id)

    def dump(self) -> list[dict[str, Any]]:
        """All files as JSON values."""
        return [
            {**asdict(f), "content": None if f.content is None else base64.b64encode(f.content).decode()}
            for f in self._files.values()
        ]

    def load(self, body: list[dict[str, Any]]) -> None:
        """Replace everything by what `dump` gave."""
        kept = [{**f, "content": None if f["content"] is None else base64.b64decode(f["content"])} for f in body]
        self._files = {f["id"]: File(**f) for f in kept}
