"""Who may look: the one-time key, the session, Host and Origin. Each test is an attack that another site could try."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPConnection

import pytest

from bot.workspace.server import RunningWorkspace


def ask(
    running: RunningWorkspace, path: str, method: str = "GET", body: str = "", **headers: str
) -> tuple[int, dict[str, str], str]:
    connection = HTTPConnection("127.0.0.1", running.port, timeout=5)
    given = {"Host": f"127.0.0.1:{running.port}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    connection.putrequest(method, path, skip_host=True)
    for name, value in given.items():
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body.encode())
    response = connection.getresponse()
    text = response.read().decode(errors="replace")
    connection.close()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, text


@pytest.fixture
def session(running: RunningWorkspace) -> str:
    _, headers, _ = ask(running, running.page_url.removeprefix(running.origin))
    return headers["set-cookie"].partition(";")[0]


def test_the_link_opens_once_and_leaves_no_key_in_the_address(running: RunningWorkspace) -> None:
    path = running.page_url.removeprefix(running.origin)
    status, headers, _ = ask(running, path)
    assert (status, headers["location"]) == (303, "/")
    assert "httponly" in headers["set-cookie"].lower()
    assert "samesite=strict" in headers["set-cookie"].lower()
    status, _, text = ask(running, path)
    assert (status, "opens the page once" in text) == (403, True)
    assert ask(running, "/")[0] == 403
    assert ask(running, running.new_page_url().removeprefix(running.origin))[0] == 303


def test_a_session_reads_and_without_one_nothing_is_read(running: RunningWorkspace, session: str) -> None:
    assert ask(running, "/", Cookie=session)[0] == 200
    status, _, text = ask(running, "/page/state?as=investigator", Cookie=session)
    assert (status, json.loads(text)["mark"]) == (200, "Practice · simulated records")
    assert ask(running, "/page/state")[0] == 403
    assert ask(running, "/page/state", Cookie="practice_1=guess")[0] == 403
    assert ask(running, "/page/state?as=nobody", Cookie=session)[0] == 404


def test_a_name_that_resolves_here_is_refused(running: RunningWorkspace, session: str) -> None:
    for host in ("evil.example", f"evil.example:{running.port}", "127.0.0.1", "127.0.0.1:1", ""):
        assert ask(running, "/page/state", Host=host, Cookie=session)[0] == 403
        assert ask(running, "/api/api.test", Host=host)[0] == 403
    assert ask(running, "/page/state", Host=f"localhost:{running.port}", Cookie=session)[0] == 200


def test_another_site_cannot_act_even_with_the_cookie(running: RunningWorkspace, session: str) -> None:
    body = json.dumps({"kind": "server_error"})
    assert ask(running, "/page/do/fault", "POST", body, Cookie=session, Origin="https://evil.example")[0] == 403
    assert ask(running, "/page/do/fault", "POST", body, Cookie=session, Origin="null")[0] == 403
    assert ask(running, "/page/do/fault", "POST", body, Cookie=session)[0] == 403
    assert ask(running, "/api/chat.postMessage", "POST", "text=x", Origin="https://evil.example")[0] == 403
    assert running.faults.planned() == []
    assert ask(running, "/page/do/fault", "POST", body, Cookie=session, Origin=running.origin)[0] == 200
    assert len(running.faults.planned()) == 1


def test_headers_let_nothing_in_from_elsewhere(running: RunningWorkspace, session: str) -> None:
    for path in ("/", "/static/app.js", "/page/state", "/nothing"):
        _, headers, _ = ask(running, path, Cookie=session)
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    assert ask(running, "/static/..%2Fpage.py")[0] == 404


def test_what_cannot_be_done_is_answered_in_words(running: RunningWorkspace) -> None:
    def do(what: str, body: object) -> tuple[int, str]:
        headers = {"authorization": f"Bearer {running.control_key}"}
        request = urllib.request.Request(f"{running.origin}/page/do/{what}", json.dumps(body).encode(), headers)
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        return caught.value.code, json.loads(caught.value.read())["error"]

    assert do("dance", {})[0] == 404
    assert do("click", {}) == (400, "click needs 'channel'.")
    assert do("fault", {"kind": "flood"})[1].startswith("no fault 'flood'; there are: accept_then_drop")
    assert do("time", {"speed": 10})[0] == 409
    assert do("say", [])[0] == 400
    assert do("click", {"as": "Investigator", "channel": "#x", "ts": "1", "action_id": "a"})[1].startswith(
        "no channel '#x'"
    )


def test_a_permalink_leads_to_the_message_on_the_page(running: RunningWorkspace) -> None:
    status, headers, _ = ask(running, "/archives/C0STSCALCSAFETY/p1778767200123456")
    assert (status, headers["location"]) == (303, "/#C0STSCALCSAFETY/1778767200.123456")
