"""What the page and other processes can do in the workspace: names and JSON bodies, one small function each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.workspace.errors import WorkspaceError
from bot.workspace.faults import Fault, FaultKind
from bot.workspace.workspace import Workspace

Body = dict[str, Any]
Act = Callable[[Workspace, Body], Any]
SETTLE = 1.5


def _click(workspace: Workspace, body: Body) -> Any:
    settle = float(body.get("settle", 0.0))
    where, block = (body["channel"], body["ts"]), body.get("block", "")
    outcome = workspace.click(body["as"], *where, body["action_id"], body.get("value"), settle=settle, block=block)
    return outcome.body()


def _press(workspace: Workspace, body: Body) -> Any:
    where, block = body["view"], body.get("block", "")
    return workspace.press_in_view(body["as"], where, body["action_id"], body.get("value"), block=block).body()


def _slash(workspace: Workspace, body: Body) -> Any:
    settle = float(body.get("settle", SETTLE))
    return workspace.slash(body["as"], body["channel"], body["command"], body.get("text", ""), settle=settle).body()


def _say(workspace: Workspace, body: Body) -> Any:
    return {"ts": workspace.say(body["as"], body["channel"], body["text"], thread_ts=body.get("thread_ts"))}


def _submit(workspace: Workspace, body: Body) -> Any:
    return workspace.submit_view(body["as"], body.get("values") or {}).body()


def _close(workspace: Workspace, body: Body) -> Any:
    workspace.close_view(body["as"])
    return {"ok": True}


def _home(workspace: Workspace, body: Body) -> Any:
    workspace.open_home(body["as"])
    return {"ok": True}


def _time(workspace: Workspace, body: Body) -> Any:
    workspace.control_time(float(body["speed"]))
    return {"speed": workspace.speed}


def _fault(workspace: Workspace, body: Body) -> Any:
    """Plan a fault of a Web API call, or one of the socket, by its kind."""
    kind = str(body["kind"])
    if kind in _SOCKET_FAULTS:
        _SOCKET_FAULTS[kind](workspace, body)
    elif kind == "history_unreadable":
        workspace.faults.history_unreadable(int(body.get("count", -1)), channel=body.get("channel", ""))
    elif kind == "invalid_blocks":
        workspace.faults.invalid_blocks(int(body.get("count", 1)), channel=body.get("channel", ""))
    elif kind in set(FaultKind):
        names = ("channel", "count", "probability", "seconds", "status", "error")
        given = {name: body[name] for name in names if name in body}
        workspace.faults.plan(Fault(FaultKind(kind), tuple(body.get("methods") or ()), **given))
    else:
        raise WorkspaceError(f"no fault {kind!r}; there are: {', '.join(fault_names())}")
    workspace.tell_faults()
    return {"faults": workspace.faults.planned()}


def _clear(workspace: Workspace, _body: Body) -> Any:
    workspace.faults.clear()
    workspace.hub.repeats.clear()
    workspace.tell_faults()
    return {"faults": []}


def _snapshot(workspace: Workspace, body: Body) -> Any:
    workspace.snapshot(body["path"])
    return {"ok": True}


_SOCKET_FAULTS: dict[str, Act] = {
    "socket_loss": lambda w, b: w.lose_sockets(float(b.get("seconds", 2.0))),
    "disconnect": lambda w, b: w.disconnect_sockets(str(b.get("reason", "refresh_requested"))),
    "second_connection": lambda w, b: w.second_connection(int(b.get("count", 1))),
    "redeliver_click": lambda w, b: w.redeliver("interactive", int(b.get("count", 1))),
    "redeliver_command": lambda w, b: w.redeliver("slash_commands", int(b.get("count", 1))),
    "redeliver_event": lambda w, b: w.redeliver("events_api", int(b.get("count", 1))),
}


def fault_names() -> tuple[str, ...]:
    """Every kind of fault that can be asked for by name."""
    return (*(kind.value for kind in FaultKind), "history_unreadable", "invalid_blocks", *_SOCKET_FAULTS)


ACTIONS: dict[str, Act] = {
    "click": _click,
    "press": _press,
    "slash": _slash,
    "say": _say,
    "submit": _submit,
    "close": _close,
    "home": _home,
    "time": _time,
    "fault": _fault,
    "clear_faults": _clear,
    "snapshot": _snapshot,
}

READS: dict[str, Act] = {
    "messages": lambda w, b: w.messages(b["channel"]),
    "thread": lambda w, b: w.thread(b["channel"], b["ts"]),
    "ephemeral": lambda w, b: w.ephemeral(b["as"]),
    "duplicates": lambda w, _: {key: [list(place) for place in places] for key, places in w.duplicates().items()},
    "hits": lambda w, _: [list(hit) for hit in w.faults.hits],
    "connections": lambda w, _: {"connections": w.hub.connections},
}
