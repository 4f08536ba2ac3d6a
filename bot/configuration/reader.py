"""A strict reader of YAML: what a person wrote is what the study gets, with its line.

YAML guesses: `no` becomes false, `007` becomes 7, `12:30` becomes 750, a repeated key silently wins.
A guess in a stopping rule is a wrong stopping rule, so here only `true` and `false` are booleans, only
plain decimals (`20`, `-3`, `0.20`) are numbers, an empty value or `null` is nothing, and all else is text.
Repeated keys, tags, anchors, aliases, merge keys and second documents are refused. Tokens are refused
and blotted out before anything else can print them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bot.configuration.problems import Problem

Place = tuple[str | int, ...]
"""Keys and list positions from the top of the file down to one value."""

HIDDEN = "[hidden]"
MAX_BYTES = 1_000_000
MAX_DEPTH = 30

_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,14})")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,14})\.[0-9]{1,15}")
_TOKEN = re.compile(r"xox[a-z]-|xapp-|xoxe\.", re.IGNORECASE)
_WHERE_IT_BELONGS = (
    "Revoke it if this file was shared; put tokens in SLACK_BOT_TOKEN and SLACK_APP_TOKEN, or in files named by "
    "SLACK_BOT_TOKEN_FILE and SLACK_APP_TOKEN_FILE"
)


@dataclass(slots=True)
class Document:
    """One file as read.

    Parameters
    ----------
    file: path as given, for messages.
    data: dicts, lists, text, int, float, bool and None.
    lines: place → 1-based line of its key (or of the list item).
    problems: what the reader itself refused.
    """

    file: str
    data: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, place: Place) -> int:
        """Line of a place; of the nearest place above it where it was not written. 0 = whole file."""
        for end in range(len(place), 0, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return 0

    def value(self, place: Place) -> Any:
        """What is written at a place; raises KeyError where nothing is."""
        found = self.data
        for step in place:
            if isinstance(found, dict) or (isinstance(found, list) and isinstance(step, int) and step < len(found)):
                found = found[step]  # type: ignore[index]
            else:
                raise KeyError(place)
        return found

    def where(self, place: Place) -> str:
        """The place in words: a rule or source shows its id instead of its position."""
        text = ""
        for end, step in enumerate(place, 1):
            if isinstance(step, str):
                text += f".{step}" if text else step
            else:
                name = self._id_at(place[:end])
                text += f".{name}" if name else f"[{step + 1}]"
        return text

    def problem(self, place: Place, problem: str, fix: str = "") -> Problem:
        """A problem at a place of this file."""
        return Problem(self.file, self.line(place), self.where(place), problem, fix)

    def _id_at(self, place: Place) -> str:
        if len(place) != 2 or place[0] not in ("rules", "sources"):
            return ""
        try:
            item = self.value(place)
        except KeyError:
            return ""
        name = item.get("id") if isinstance(item, dict) else None
        return str(name) if isinstance(name, str | int) and name != HIDDEN else ""


def read(path: Path) -> Document:
    """Read one file; never raises: whatever is wrong is in `.problems`, and `.data` is None when unreadable."""
    document = Document(file=str(path))
    text = _text(path, document)
    if text is None:
        return document
    try:
        _Composer(document, text).compose()
    except _Refused as refused:
        document.problems.append(Problem(document.file, refused.line, "", refused.problem, refused.fix))
    except yaml.YAMLError as error:
        document.problems.append(_syntax(document.file, text, error))
    return document


class _Refused(Exception):
    """Reading cannot go on past this line."""

    def __init__(self, line: int, problem: str, fix: str) -> None:
        self.line, self.problem, self.fix = line, problem, fix
        super().__init__(problem)


def _text(path: Path, document: Document) -> str | None:
    def fault(problem: str, fix: str, line: int = 0) -> None:
        document.problems.append(Problem(document.file, line, "", problem, fix))

    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        fault(f"cannot be read: {error.strerror or error}", "Give the path of a configuration with -c")
        return None
    if len(raw) > MAX_BYTES:
        fault(f"is larger than {MAX_BYTES:,} bytes", "This is not a study configuration; give another path with -c")
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        fault("is not UTF-8 text", "Save the file as UTF-8; a character on this line is in another encoding", line)
        return None
    if not text.strip():
        fault("is empty", "Start from the config.yaml that is shipped, or run: dsmbot setup")
        return None
    return text


class _Composer:
    """Turns YAML events into data, keeping lines and collecting what is refused."""

    def __init__(self, document: Document, text: str) -> None:
        self._document = document
        self._events = yaml.parse(text, Loader=yaml.SafeLoader)
        self._found: list[tuple[Place, int, str, str]] = []

    def compose(self) -> None:
        """Read the one document of the file; what was refused on the way is named once the ids are known."""
        try:
            self._compose()
        finally:
            for place, line, problem, fix in self._found:
                where = self._document.where(place)
                self._document.problems.append(Problem(self._document.file, line, where, problem, fix))

    def _compose(self) -> None:
        self._next(yaml.StreamStartEvent)
        if isinstance(self._next(), yaml.StreamEndEvent):
            raise _Refused(0, "holds comments only", "Start from the config.yaml that is shipped, or run: dsmbot setup")
        self._document.data = self._node(self._next(), ())
        self._next(yaml.DocumentEndEvent)
        event = self._next()
        if isinstance(event, yaml.DocumentStartEvent):
            line = _line(event)
            raise _Refused(line, "a second document begins", "One file is one study: remove the line '---'")

    def _next(self, expected: type[yaml.Event] = yaml.Event) -> yaml.Event:
        event = next(self._events)
        assert isinstance(event, expected)
        return event

    def _node(self, event: yaml.Event, place: Place) -> Any:
        line = _line(event)
        self._document.lines.setdefault(place, line)
        if len(place) > MAX_DEPTH:
            raise _Refused(line, f"is nested more than {MAX_DEPTH} levels deep", "No configuration needs that")
        self._refuse_surprises(event, line)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(place)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(place)
        assert isinstance(event, yaml.ScalarEvent)
        return self._scalar(event, place)

    def _mapping(self, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            line = _line(event)
            self._refuse_surprises(event, line)
            if not isinstance(event, yaml.ScalarEvent):
                raise _Refused(line, "a key is a list or a block", "Keys are plain words; is a quote or comma missing?")
            key = HIDDEN if self._is_token(event, place) else event.value
            if key == "<<" and event.implicit[0]:
                raise _Refused(line, "merge keys (<<) are not read", "Write the keys out where they belong")
            self._keep(found, key, line, place)
        return found

    def _keep(self, found: dict[str, Any], key: str, line: int, place: Place) -> None:
        here = (*place, key)
        if key in found:
            first = self._document.lines[here]
            self._found.append(
                (here, line, f"key {key!r} is written twice, on lines {first} and {line}", "Keep one of them")
            )
            self._node(self._next(), (*place, f"{key} (again on line {line})"))
            return
        self._document.lines[here] = line
        found[key] = self._node(self._next(), here)

    def _sequence(self, place: Place) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            found.append(self._node(event, (*place, len(found))))
        return found

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> Any:
        if self._is_token(event, place):
            return HIDDEN
        return plain(event.value) if event.style is None else event.value

    def _is_token(self, event: yaml.ScalarEvent, place: Place) -> bool:
        found = _TOKEN.search(event.value) is not None
        if found:
            said = "a Slack token is written here; it is not shown"
            self._found.append((place, _line(event), said, _WHERE_IT_BELONGS))
        return found

    @staticmethod
    def _refuse_surprises(event: yaml.Event, line: int) -> None:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _Refused(line, "anchors (&) and aliases (*) are not read",
                           "Write the values out, or quote the text if it begins with & or *")  # fmt: skip
        if getattr(event, "tag", None):
            raise _Refused(line, "tags (!) are not read", "Remove the tag, or quote the text if it begins with !")


def _line(event: yaml.Event) -> int:
    assert event.start_mark is not None  # every event of a parsed text has one
    return event.start_mark.line + 1


def plain(text: str) -> str | int | float | bool | None:
    """The value of an unquoted word: boolean, plain decimal, nothing, or the text itself."""
    if text in ("true", "false"):
        return text == "true"
    if text in ("", "null"):
        return None
    if _WHOLE.fullmatch(text) and text != "-0":
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    return text


def _syntax(file: str, text: str, error: yaml.YAMLError) -> Problem:
    """A syntax error in words; the offending text itself is not repeated, for it may hold a secret."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text[: error.position].count("\n") + 1
        return Problem(file, line, "", f"has the control character U+{error.character:04X}", "Remove it")
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else 0
    said = str(getattr(error, "problem", "") or "")
    lines = text.splitlines()
    written = lines[line - 1] if 0 < line <= len(lines) else ""
    if "\\t" in said or "\t" in written[: len(written) - len(written.lstrip())]:
        return Problem(file, line, "", "a tab is used for indentation", "Use spaces")
    for needle, problem, fix in _SYNTAX:
        if needle in said:
            return Problem(file, line, "", problem, fix)
    return Problem(file, line, "", "is not YAML", "Look at the punctuation and indentation on this line and before")


_SYNTAX = (
    ("mapping values are not allowed", "a colon appears where no key can be",
     "Quote text that holds ': ', or align this line with the one before"),
    ("expected ',' or '}'", "an opened { is not closed, or a comma is missing", "Look at the braces above"),
    ("expected ',' or ']'", "an opened [ is not closed, or a comma is missing", "Look at the brackets above"),
    ("could not find expected ':'", "a key has no colon", "Write 'key: value'"),
    ("found unexpected end of stream", "a quote is opened and never closed", "Close the quote"),
    ("expected <block end>", "the indentation does not match the lines above", "Align keys of one block in one column"),
    ("cannot start any token", "a character here cannot begin a value", "Put the text in quotes"),
    ("unknown escape character", "a backslash in double quotes is read as an escape", "Use single quotes"),
)  # fmt: skip
