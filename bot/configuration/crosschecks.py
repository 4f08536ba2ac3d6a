"""What no single block can see: rules against term lists, designs against the plan, people against roles."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from bot.configuration.people import Role
from bot.configuration.problems import Problem, suggestion
from bot.configuration.reader import Document, Place
from rules.model import Audience

Definition = Mapping[str, Any]
DEFAULT_AUDIENCE = Audience.OPEN
"""Who hears a rule that names no audience."""


def within(document: Document) -> Iterator[Problem]:
    """Every contradiction inside one file, judged on what is written, so that other problems hide none."""
    yield from _twice(document, "rules", "rule")
    yield from _twice(document, "sources", "source")
    yield from _term_lists(document)
    yield from _local_events(document)
    yield from _designs(document)
    yield from _raisers(document)
    yield from _audiences(document)
    yield from _escalation(document)
    yield from _two_audiences(document)


def across(documents: Sequence[Document]) -> Iterator[Problem]:
    """Contradictions between files that would share one database and one workspace."""
    studies: dict[str, Document] = {}
    for document in documents:
        study = _word(block(document, "study").get("id"))
        if study and study in studies:
            yield document.problem(
                ("study", "id"), f"study {study!r} is also in {studies[study].file}", "Give each study once"
            )
        studies.setdefault(study, document)
    yield from _channels_across(documents)


def block(document: Document, name: str) -> Definition:
    """A block as written, or an empty one where it is missing or of another shape."""
    found = document.data.get(name) if isinstance(document.data, dict) else None
    return found if isinstance(found, dict) else {}


def entries(document: Document, name: str) -> list[tuple[Place, Definition]]:
    """The items of a list of blocks, each with its place; items of another shape are left out."""
    found = document.data.get(name) if isinstance(document.data, dict) else None
    items = enumerate(found) if isinstance(found, list) else ()
    return [((name, i), item) for i, item in items if isinstance(item, dict)]


def term_lists(document: Document) -> dict[str, bool]:
    """Names of the term lists, each with whether its events are local to a lesion."""
    return {n: isinstance(t, dict) and t.get("local") is True for n, t in block(document, "terms").items()}


def terms_used(rule: Definition) -> Iterator[tuple[Place, str]]:
    """Every term list a rule names, in its filters and under `similar`, with its place inside the rule."""
    for place, chosen in filters(rule):
        yield from _named((*place, "terms"), chosen.get("terms"))
    yield from _named(("similar",), rule.get("similar"))


def filters(rule: Definition) -> Iterator[tuple[Place, Definition]]:
    """Every filter of events that a rule writes: `events`, `except`, and those of the signs of a composite."""
    signs = rule.get("signs")
    inside = [(("signs", i), sign) for i, sign in enumerate(signs if isinstance(signs, list) else [])]
    for place, block_ in (((), rule), *inside):
        for side in ("events", "except"):
            chosen = block_.get(side) if isinstance(block_, dict) else None
            if isinstance(chosen, dict):
                yield (*place, side), chosen


def _named(place: Place, lists: Any) -> Iterator[tuple[Place, str]]:
    if isinstance(lists, str):
        yield place, lists
    elif isinstance(lists, list):
        yield from (((*place, i), name) for i, name in enumerate(lists) if isinstance(name, str))


def _word(value: Any) -> str:
    """An id as text; whole numbers are read as their digits, other shapes as nothing."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _inner(document: Document, name: str) -> Definition:
    found = block(document, "slack").get(name)
    return found if isinstance(found, dict) else {}


def _twice(document: Document, name: str, called: str) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for place, item in entries(document, name):
        one = _word(item.get("id"))
        here = (*place, "id")
        if one and one in first:
            yield document.problem(
                here, f"{called} id {one!r} is already used on line {first[one]}", "Choose another id"
            )
        first.setdefault(one, document.line(here))


def _term_lists(document: Document) -> Iterator[Problem]:
    known = list(term_lists(document))
    for place, rule in entries(document, "rules"):
        for inner, name in terms_used(rule):
            if name not in known:
                fix = suggestion(name, known) if known else f"Add a block 'terms:' with a list named {name!r}"
                yield document.problem((*place, *inner), f"no term list is called {name!r}", fix)


def _local_events(document: Document) -> Iterator[Problem]:
    local = {name for name, is_local in term_lists(document).items() if is_local}
    for place, rule in entries(document, "rules"):
        shared = rule.get("events")
        said = isinstance(shared, dict) and shared.get("lesion_role") is not None
        for inner, events in filters(rule):
            used = [name for _, name in _named(inner, events.get("terms")) if name in local]
            if used and inner[-1] == "events" and events.get("lesion_role") is None and not said:
                yield document.problem(
                    (*place, *inner), f"{used[0]!r} is a list of local events, but lesion_role is not said",
                    "Add lesion_role: treated, control or any",
                )  # fmt: skip


def _designs(document: Document) -> Iterator[Problem]:
    planned = block(document, "study").get("planned_n")
    if not isinstance(planned, int):
        return
    for place, rule in entries(document, "rules"):
        design = rule.get("design")
        if not isinstance(design, dict) or rule.get("beyond_max_n") is not None or rule.get("retired"):
            continue
        if rule.get("kind") == "exposure":  # more exposure than the design covers alerts as beyond it
            continue
        looks = design.get("looks")
        last = design.get("max_n") or (looks[-1] if isinstance(looks, list) and looks else None)
        if isinstance(last, int) and last < planned:
            key = "max_n" if "max_n" in design else "looks"
            yield document.problem(
                (*place, "design", key),
                f"the design ends at {last} subjects, but planned_n is {planned}: the last {planned - last} "
                "would be watched by no design",
                f"Raise it to {planned}, or add beyond_max_n: refuse (such subjects alert as beyond the design)",
            )  # fmt: skip


def _raisers(document: Document) -> Iterator[Problem]:
    """Roles that may raise a concern under a rule of kind `manual`: each exists, and somebody holds it."""
    known, roles = [role.value for role in Role], _inner(document, "roles")
    for place, rule in entries(document, "rules"):
        for inner, name in _named(("by",), rule.get("by")):
            if name not in known:
                yield document.problem((*place, *inner), f"{name!r} is no role", suggestion(name, known))
            elif name not in roles and not rule.get("retired"):
                fix = f"Add {name}: […] under slack.roles"
                yield document.problem((*place, *inner), f"nobody holds the role {name!r}", fix)


def _audiences(document: Document) -> Iterator[Problem]:
    channels = _inner(document, "channels")
    known = {a.value for a in Audience}
    for place, rule in entries(document, "rules"):
        audience = _word(rule.get("audience", DEFAULT_AUDIENCE.value))
        if audience in known and audience not in channels and not rule.get("retired"):
            here = (*place, "audience") if "audience" in rule else place
            yield document.problem(
                here, f"speaks to the audience {audience!r}, which has no channel",
                f"Add {audience}: \"#channel\" under slack.channels",
            )  # fmt: skip


def _escalation(document: Document) -> Iterator[Problem]:
    roles = _inner(document, "roles")
    steps = block(document, "slack").get("escalate")
    for i, step in enumerate(steps if isinstance(steps, list) else []):
        to = _word(step.get("to")) if isinstance(step, dict) else ""
        if to in {r.value for r in Role} and to not in roles:
            yield document.problem(
                ("slack", "escalate", i, "to"), f"nobody holds the role {to!r}", f"Add {to}: […] under slack.roles"
            )


def _two_audiences(document: Document) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for audience, channel in _channels(document):
        if channel in seen:
            yield document.problem(
                ("slack", "channels", audience), f"{channel} is already the channel of {seen[channel]!r}",
                "Give each audience a channel of its own",
            )  # fmt: skip
        seen.setdefault(channel, audience)


def _channels_across(documents: Sequence[Document]) -> Iterator[Problem]:
    seen: dict[str, tuple[str, Document]] = {}
    for document in documents:
        for audience, channel in _channels(document):
            before, first = seen.setdefault(channel, (audience, document))
            if first is not document and before != audience:
                yield document.problem(
                    ("slack", "channels", audience), f"{channel} is already the channel of {before!r} in {first.file}",
                    "Give each audience a channel of its own",
                )  # fmt: skip


def _channels(document: Document) -> Iterator[tuple[str, str]]:
    for audience, channel in _inner(document, "channels").items():
        if isinstance(channel, str) and channel.strip():
            name = channel.strip()
            is_id = name[:1] in "CG" and name.isalnum() and name.isupper()
            yield audience, name if is_id else f"#{name.removeprefix('#')}"


def vanished(document: Document, present: Iterable[str], with_history: Collection[str]) -> list[Problem]:
    """Rules that the database remembers and the file no longer has; see `bot.config.vanished_rules`."""
    present = list(present)
    return [
        document.problem(
            ("rules",), f"rule {rule!r} has history, but is no longer here",
            f"Put it back; if it was retired on purpose, keep it with retired: {{on: DATE, reason: WHY}}. "
            f"{suggestion(rule, present)}",
        )
        for rule in sorted(set(with_history) - set(present))
    ]  # fmt: skip
