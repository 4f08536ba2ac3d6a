"""The reader must not guess. Each test names the guess that would change a study."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.configuration.reader import HIDDEN, MAX_BYTES, plain, read


def _read(tmp_path: Path, content: str | bytes):
    path = tmp_path / "config.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read(path)


def _only(document):
    (problem,) = document.problems
    return problem


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True), ("false", False), ("20", 20), ("-3", -3), ("0", 0), ("0.20", 0.2), ("-1.5", -1.5),
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("True", "True"), ("FALSE", "FALSE"),
        ("Y", "Y"), ("N", "N"), ("NO", "NO"), ("007", "007"), ("1e5", "1e5"), ("1E5", "1E5"), ("0x10", "0x10"),
        ("0o17", "0o17"), ("1_000", "1_000"), ("12:30", "12:30"), ("12:30:45", "12:30:45"), (".5", ".5"),
        ("5.", "5."), ("+5", "+5"), ("-0", "-0"), (".inf", ".inf"), (".nan", ".nan"), ("2026-05-14", "2026-05-14"),
        ("~", "~"), ("None", "None"), ("NA", "NA"), ("=", "="), ("9" * 400, "9" * 400), ("٣", "٣"),
        ("null", None), ("", None), ('"20"', "20"), ("'true'", "true"), ('""', ""), ("[]", []), ("{}", {}),
    ],
)  # fmt: skip
def test_a_value_is_what_was_written(tmp_path: Path, written: str, value: object) -> None:
    document = _read(tmp_path, f"key: {written}\n")
    assert document.problems == []
    assert document.data == {"key": value}
    assert type(document.data["key"]) is type(value)


@given(st.integers(min_value=-(10**14), max_value=10**14))
def test_whole_numbers_survive(number: int) -> None:
    assert plain(str(number)) == number


@given(st.from_regex(r"0[0-9]{1,8}", fullmatch=True))
def test_leading_zeros_are_never_lost(text: str) -> None:
    assert plain(text) == text


def test_every_value_has_the_line_of_its_key(tmp_path: Path) -> None:
    document = _read(tmp_path, "study:\n  id: A\nrules:\n  - id: one\n    design: {a: 1,\n      b: 2}\n  - id: two\n")
    assert document.line(("study", "id")) == 2
    assert document.line(("rules", 0)) == 4
    assert document.line(("rules", 0, "design", "b")) == 6
    assert document.line(("rules", 1, "id")) == 7
    assert document.line(("rules", 1, "missing", "deep")) == 7  # what is not written: the nearest line above it
    assert document.line(("nothing",)) == 0


def test_a_place_is_named_by_the_id_of_its_rule(tmp_path: Path) -> None:
    document = _read(tmp_path, "rules:\n  - id: one\n  - title: x\nslack: {escalate: [{to: x}]}\n")
    assert document.where(("rules", 0, "design", "max_n")) == "rules.one.design.max_n"
    assert document.where(("rules", 1, "title")) == "rules[2].title"
    assert document.where(("slack", "escalate", 0, "to")) == "slack.escalate[1].to"


def test_a_repeated_key_is_refused_with_both_lines_and_its_rule(tmp_path: Path) -> None:
    document = _read(tmp_path, "rules:\n  - id: one\n    action: notify\n    action: halt_study\n")
    assert str(_only(document)).endswith(
        "config.yaml:4: rules.one.action: key 'action' is written twice, on lines 3 and 4. Keep one of them."
    )
    assert document.data == {"rules": [{"id": "one", "action": "notify"}]}


def test_every_repeated_key_is_told(tmp_path: Path) -> None:
    document = _read(tmp_path, "a: 1\nb: {c: 1, c: {d: 1, d: 2}}\na: 2\n")
    assert sorted(p.line for p in document.problems) == [2, 2, 3]


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        ("a: &x 1\n", 1, "anchors (&) and aliases (*) are not read"),
        ("a: 1\nb: *x\n", 2, "anchors (&) and aliases (*) are not read"),
        ("a: 1\n<<: {b: 1}\n", 2, "merge keys (<<) are not read"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, "tags (!) are not read"),
        ("a: !!str 5\n", 1, "tags (!) are not read"),
        ("a: ! 5\n", 1, "tags (!) are not read"),
        ("a: 1\n---\nb: 2\n", 2, "a second document begins"),
        ("a: 1\n? [x, y]\n: 2\n", 2, "a key is a list or a block"),
        ("a:\n\tb: 1\n", 2, "a tab is used for indentation"),
        ("a: {b: 1\nc: 2\n", 2, "an opened { is not closed, or a comma is missing"),
        ("a: [b\nc: 2\n", 2, "an opened [ is not closed, or a comma is missing"),
        ("a: b: c\n", 1, "a colon appears where no key can be"),
        ('a: "b\n', 2, "a quote is opened and never closed"),
        ("a:\n  b: 1\n c: 2\n", 3, "the indentation does not match the lines above"),
        ("a: 1\nb\n", 3, "a key has no colon"),
        ("a: @x\n", 1, "a character here cannot begin a value"),
        ('a: "\\d"\n', 1, "a backslash in double quotes is read as an escape"),
        ("a: 1\nb: \x07\n", 2, "has the control character U+0007"),
        ("", 0, "is empty"),
        (" \n\n", 0, "is empty"),
        ("# nothing yet\n", 0, "holds comments only"),
        ("[" * 50 + "]" * 50, 1, "is nested more than 30 levels deep"),
    ],
)
def test_what_is_refused_is_said_in_words_and_with_its_line(
    tmp_path: Path, content: str, line: int, problem: str
) -> None:
    found = _only(_read(tmp_path, content))
    assert (found.line, found.problem) == (line, problem)
    assert found.fix


def test_a_file_in_another_encoding_is_refused_at_the_line_of_the_character(tmp_path: Path) -> None:
    found = _only(_read(tmp_path, b"a: 1\nb: caf\xe9\n"))
    assert (found.line, found.problem) == (2, "is not UTF-8 text")


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert _read(tmp_path, b"\xef\xbb\xbfa: 1\n").data == {"a": 1}


def test_a_missing_file_a_folder_and_a_data_file_are_said(tmp_path: Path) -> None:
    assert _only(read(tmp_path / "none.yaml")).problem == "cannot be read: No such file or directory"
    assert _only(read(tmp_path)).problem == "cannot be read: Is a directory"
    assert "is larger than" in _only(_read(tmp_path, b"#" * (MAX_BYTES + 1))).problem


@pytest.mark.parametrize("token", ["xoxb-12-34-secret", "xapp-1-A1-secret", "xoxp-9-secret", "XOXB-1-secret"])
@pytest.mark.parametrize("form", ["bot_token: {}", "bot_token: '{}'", "note: see {} for it", "list: [a, {}]", "{}: 1"])
def test_a_token_is_refused_and_never_shown(tmp_path: Path, token: str, form: str) -> None:
    document = _read(tmp_path, f"slack:\n  {form.format(token)}\n")
    found = _only(document)
    assert found.line == 2
    assert "SLACK_BOT_TOKEN" in found.fix
    assert "secret" not in str(found) + str(document.data)
    assert HIDDEN in str(document.data)


def test_a_syntax_error_does_not_repeat_the_line(tmp_path: Path) -> None:
    document = _read(tmp_path, "token: xoxb-secret: oops\n")
    assert document.problems
    assert "secret" not in str(document.problems)


@given(st.text(max_size=80))
def test_any_text_gives_data_or_a_problem_and_never_an_exception(tmp_path_factory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, encoding="utf-8", errors="replace", newline="")
    document = read(path)
    assert document.problems or document.data is not None or text.strip()
