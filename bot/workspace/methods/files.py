"""files.*: uploads in three steps. https://docs.slack.dev/reference/methods/files.getUploadURLExternal and the pages
of its siblings; the step in between is a plain POST of the bytes to the address given.
"""

from __future__ import annotations

from typing import Any

from bot.slack import limits
from bot.workspace.clock import microseconds
from bot.workspace.errors import ApiError
from bot.workspace.files import ALT_TEXT, MOST_BYTES, File
from bot.workspace.methods.call import Call, method
from bot.workspace.methods.chat import check_parent, destination
from bot.workspace.people import BOT_USER_ID
from bot.workspace.store import Message


@method("files.getUploadURLExternal", "files:write")
def get_upload_url(call: Call) -> dict[str, Any]:
    """An address for the bytes of one file, and the file's id."""
    name, length = call.required("filename"), call.required("length")
    if not length.isdigit() or int(length) == 0:
        raise ApiError("missing_argument")
    if int(length) > MOST_BYTES:
        raise ApiError("file_upload_size_restricted")
    if len(call.text("alt_txt")) > ALT_TEXT:
        raise ApiError("alt_txt_too_large")
    created = microseconds(call.workspace.clock()) // 1_000_000
    file = call.workspace.files.announce(name, int(length), call.text("alt_txt"), created)
    return {"upload_url": f"{call.workspace.origin}/upload/v1/{file.secret}", "file_id": file.id}


@method("files.completeUploadExternal", "files:write")
def complete_upload(call: Call) -> dict[str, Any]:
    """Share uploaded files: one message in the conversation named, else they stay private."""
    wanted = call.value("files", "invalid_arguments")
    if not isinstance(wanted, list) or not wanted or not all(isinstance(one, dict) and one.get("id") for one in wanted):
        lines = ["[ERROR] missing required field: files"]
        raise ApiError("invalid_arguments", response_metadata={"messages": lines})
    files = [call.workspace.files.uploaded(str(one["id"])) for one in wanted]
    if len(call.text("initial_comment")) > limits.TEXT_CUT:
        raise ApiError("msg_too_long")
    if call.given("channel_id"):
        _share(call, files, [str(one.get("title") or "") for one in wanted])
    return {"files": [file.as_slack(call.workspace.origin) for file in files]}


def _share(call: Call, files: list[File], titles: list[str]) -> None:
    channel = destination(call, "channel_id")
    thread_ts = call.text("thread_ts") or None
    if thread_ts is not None:
        check_parent(call, channel, thread_ts)
    for file, title in zip(files, titles, strict=True):
        file.title, file.shared = title, True
    store = call.workspace.store
    shown = [file.as_slack(call.workspace.origin) for file in files]
    comment = call.text("initial_comment")
    store.add(Message(channel.id, store.next_ts(), BOT_USER_ID, comment, is_bot=True, thread_ts=thread_ts, files=shown))
