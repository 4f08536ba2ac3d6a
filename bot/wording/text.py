"""Making foreign text harmless, and the small forms (counts, lists, plurals) that every sentence uses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

TERM = 120
"""Characters shown of one coded term, title or id."""

SENTENCE = 600
"""Characters shown of one reason or note."""

_FORMULA = ("=", "+", "-", "@", "\t")
_BROADCAST = re.compile(r"@(?=(?:channel|here|everyone|group)\b)", re.IGNORECASE)
_EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_MENTION = re.compile(r"<(?=[!@#])")
_ENTITIES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))
_LOOKALIKES = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ"})
_WORD_JOINER = "\u2060"
_USER_ID = re.compile(r"[UW][A-Za-z0-9_]{1,40}")


def plain(text: object, limit: int = TERM) -> str:
    """Foreign text on one line, without control, format or private characters, shortened visibly.

    Parameters
    ----------
    text: anything from a record, a file name or a person; None is "".
    limit: characters kept; what is cut is said: "… (showing 120 of 50,000 characters)".
    """
    whole = " ".join(filter(None, map(_visible, str("" if text is None else text).split())))
    if len(whole) <= limit:
        return whole
    return f"{whole[:limit].rstrip()}… (showing {limit:,} of {len(whole):,} characters)"


def safe(text: object, limit: int = TERM) -> str:
    """Foreign text for a mrkdwn field: `plain`, then nothing in it can be a mention, a link or formatting.

    `& < >` are escaped as Slack asks (https://docs.slack.dev/messaging/formatting-message-text#escaping); `*`, `~`,
    backticks and underscores at the edge of a word, for which no escape exists, become lookalikes.
    """
    shown = plain(text, limit).translate(_LOOKALIKES)
    shown = _EDGE_UNDERSCORE.sub("ˍ", shown)
    shown = _BROADCAST.sub("@" + _WORD_JOINER, shown).replace("://", f":{_WORD_JOINER}//")
    for character, entity in _ENTITIES:
        shown = shown.replace(character, entity)
    return shown


def unescaped(text: str) -> str:
    """Text of a mrkdwn field as `plain_text` shows it: entities undone, bold and italic marks taken off.

    What would be a mention if some server parsed plain text is broken by an invisible character.
    """
    shown = re.sub(r"(?<!\w)[*_]([^*_\n]+)[*_](?!\w)", r"\1", text)
    for character, entity in reversed(_ENTITIES):
        shown = shown.replace(entity, character)
    return _MENTION.sub("<" + _WORD_JOINER, shown)


def mention(user_id: str) -> str:
    """A person as Slack shows and notifies them; anything that is no member id is shown as harmless text."""
    return f"<@{user_id}>" if _USER_ID.fullmatch(user_id) else safe(user_id)


def mentions(user_ids: Sequence[str], limit: int = 10) -> str:
    """Several people; beyond `limit` the rest is counted, because Slack notifies nobody beyond the text."""
    shown = " ".join(mention(u) for u in user_ids[:limit])
    return f"{shown} (showing {limit} of {len(user_ids)})" if len(user_ids) > limit else shown


def count(number: int, singular: str, plural: str = "") -> str:
    """`1 event`, `2 events`, `1,204 records`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def listed(items: Iterable[str], limit: int = 10) -> str:
    """`a, b and c`; beyond `limit`: `a, b, c (showing 3 of 12)`."""
    every = list(items)
    if len(every) > limit:
        return f"{', '.join(every[:limit])} (showing {limit} of {len(every):,})"
    return " and ".join(filter(None, [", ".join(every[:-1]), *every[-1:]]))


def words(name: str) -> str:
    """`medical_monitor` → `medical monitor`: an identifier of ours as people say it."""
    return name.replace("_", " ")


def as_cell(value: object) -> object:
    """A value as a spreadsheet may have it: text that it would take for a formula is quoted."""
    text = plain(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else ("" if value is None else value)


def _visible(word: str) -> str:
    """A word without characters that are not seen (Unicode categories C*): quick, for texts can be long."""
    return word if word.isprintable() else "".join(filter(str.isprintable, word))
