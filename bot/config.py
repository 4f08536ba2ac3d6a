"""The door to the configuration: `load` gives whole, checked studies or every problem at once.

What it is made of lies in `bot.configuration`: a strict reader, a model for each block, cross-checks between
blocks and files, and sentences for each fault. Kinds of rules and sources are passed in, so that a plug-in's are
read exactly like ours.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bot.configuration.blocks import Operations, Privacy, Schedule, Storage, StudyFile, TermList
from bot.configuration.building import Built, build_rules, build_sources
from bot.configuration.crosschecks import across, vanished, within
from bot.configuration.database import DatabaseUrlError, database_url, overriding_url
from bot.configuration.doubts import doubts
from bot.configuration.explain import explain
from bot.configuration.people import UNBLINDED, Member, Role, Slack, Step
from bot.configuration.problems import ConfigError, Problem
from bot.configuration.reader import Document, Place, read
from bot.configuration.scenario import NullScenario, scenario_problems
from bot.configuration.secrets import Secrets, load_secrets
from bot.configuration.words import At
from rules.model import Derivation, Rule, StudyPlan

__all__ = [
    "UNBLINDED",
    "At",
    "ConfigError",
    "Member",
    "NullScenario",
    "Operations",
    "Privacy",
    "Problem",
    "Role",
    "Schedule",
    "Secrets",
    "Slack",
    "Step",
    "Storage",
    "StudyConfig",
    "TermList",
    "load",
    "load_secrets",
    "vanished_rules",
]


@dataclass(frozen=True, slots=True)
class StudyConfig:
    """One study as its configuration says, checked and built.

    Parameters
    ----------
    path: the file.   document: what was read, for lines and messages.
    plan, derivation: what rules need to know.
    rules: built, in the order of the file, retired ones included: they keep their history.
    sources: settings of each source, of the class that its kind registered.
    slack, schedule, storage, privacy, operations: the blocks. `storage.url` is absolute and, where
        DSMBOT_DATABASE_URL is set, that one.
    warnings: what runs but should be known.
    null_scenario: what happens in a safe trial, None where nobody stated it.
    interest: term lists marked as of special interest.
    """

    path: Path
    document: Document
    plan: StudyPlan
    derivation: Derivation
    rules: tuple[Rule, ...]
    sources: tuple[Any, ...]
    slack: Slack
    schedule: Schedule
    storage: Storage
    privacy: Privacy
    operations: Operations
    warnings: tuple[Problem, ...] = ()
    null_scenario: NullScenario | None = None
    interest: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The study's id."""
        return self.plan.id

    @property
    def base_dir(self) -> Path:
        """The folder from which relative paths in the file are taken."""
        return self.path.resolve().parent

    def line(self, *place: str | int) -> int:
        """Line of a key, for messages: `config.line("rules", 0, "design")`. 0 = the file as a whole."""
        return self.document.line(place)

    def rule_place(self, rule_id: str) -> Place:
        """Where a rule is written; ("rules",) for one that is not there."""
        ids = [rule.id for rule in self.rules]
        return ("rules", ids.index(rule_id)) if rule_id in ids else ("rules",)

    def rule_body(self, rule: Rule) -> dict[str, Any]:
        """What a stored rule version holds: the rule, the settings it reads records by, and the plan.

        Parameters
        ----------
        rule: one of `rules`.

        Returns
        -------
        Canonical JSON values; equal configurations give equal bodies. Left out is what changes no verdict of this
        rule: term lists that it does not name, the study's title and time zone (display only), channels, people. The
        rule's own title is in it, for display; no fingerprint covers it.
        """
        body = canonical(rule.stored())
        named = set(_texts(body))
        derivation = canonical(asdict(self.derivation))
        for lists in ("terms", "synonyms"):
            derivation[lists] = {name: terms for name, terms in derivation[lists].items() if name in named}
        return {
            "rule": body,
            "derivation": derivation,
            "plan": {k: v for k, v in asdict(self.plan).items() if k not in ("title", "registry", "timezone")},
        }

    def rule_fingerprint(self, rule: Rule) -> str:
        """SHA-256 (hex) of a rule's body without its title: a title is wording, and better wording no new version."""
        return _hashed(self._judging(rule))

    def fingerprint(self) -> str:
        """SHA-256 (hex) of everything that changes a rule's verdict: when it changes, all rules are judged again."""
        return _hashed(sorted((rule.id, self._judging(rule)) for rule in self.rules))

    def _judging(self, rule: Rule) -> dict[str, Any]:
        body = self.rule_body(rule)
        return body | {"rule": {key: value for key, value in body["rule"].items() if key != "title"}}


def _hashed(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(value: Any) -> Any:
    """A value as JSON values in one order: sets are sorted lists, tuples lists, keys text."""
    if isinstance(value, Mapping):
        return {str(k): canonical(v) for k, v in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(canonical(v) for v in value)
    if isinstance(value, list | tuple):
        return [canonical(v) for v in value]
    return value


def _texts(value: Any) -> Iterator[str]:
    """Every text inside JSON values: whatever a kind calls its keys, the term lists it names are among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def load(
    paths: Sequence[Path],
    *,
    environment: Mapping[str, str],
    rule_kinds: Mapping[str, type],
    source_kinds: Mapping[str, type],
) -> list[StudyConfig]:
    """Read the configurations of one process.

    Parameters
    ----------
    paths: one file a study; several may share a database.
    environment: of the process; only DSMBOT_DATABASE_URL (or …_FILE) is used here and overrides every file. A
        relative SQLite path in it is taken from the folder of the first file, so that all share one database.
    rule_kinds: kind → frozen pydantic model that is the rule.
    source_kinds: kind → source class with a `Settings` model.

    Raises
    ------
    ConfigError: every problem of every file, with file, line, place, and what to do.
    """
    documents = [read(Path(path)) for path in paths]
    url, problems = overriding_url(environment, Path(paths[0]).resolve().parent if paths else Path())
    studies = [_study(document, url, rule_kinds, source_kinds, problems) for document in documents]
    problems += across(documents)
    if not documents:
        problems.append(Problem("", 0, "", "no configuration is given", "Name one with -c"))
    if problems:
        raise ConfigError(problems)
    return [study for study in studies if study is not None]


def vanished_rules(config: StudyConfig, with_history: Collection[str]) -> list[Problem]:
    """Rules with history that the file no longer has. Any of them stops the start (design invariant 9).

    Parameters
    ----------
    config: the study.
    with_history: ids of the rules for which the database holds a version of this study.
    """
    return vanished(config.document, [rule.id for rule in config.rules], with_history)


def _study(
    document: Document,
    url: str | None,
    rule_kinds: Mapping[str, type],
    source_kinds: Mapping[str, type],
    problems: list[Problem],
) -> StudyConfig | None:
    """One study, or None after its problems were appended. Rules and sources are judged even when blocks fail."""
    found = list(document.problems)
    file = _file(document, found) if document.data is not None else None
    if isinstance(document.data, dict):
        found += within(document)
    rules = build_rules(document, file, rule_kinds)
    sources = build_sources(document, source_kinds)
    if file and file.null_scenario:
        found += scenario_problems(document, file.null_scenario, file.study.plan(), file.terms)
    found = _once_per_place([*found, *rules.problems, *sources.problems])
    storage = _storage(document, file, url, found) if file else None
    problems += found
    if found or file is None or storage is None:
        return None
    return _assembled(document, file, storage, rules, sources)


def _assembled(document: Document, file: StudyFile, storage: Storage, rules: Built, sources: Built) -> StudyConfig:
    return StudyConfig(
        path=Path(document.file),
        document=document,
        plan=file.study.plan(),
        derivation=file.codes.derivation(file.terms, file.study),
        rules=tuple(rules.items),
        sources=tuple(sources.items),
        slack=file.slack,
        schedule=file.schedule,
        storage=storage,
        privacy=file.privacy,
        operations=file.operations,
        warnings=tuple(sorted(doubts(document, file))),
        null_scenario=file.null_scenario,
        interest=tuple(name for name, terms in file.terms.items() if terms.special_interest),
    )


def _file(document: Document, found: list[Problem]) -> StudyFile | None:
    if not isinstance(document.data, dict):
        found.append(Problem(document.file, 1, "", "is not a block of keys", "Begin with 'study:'"))
        return None
    try:
        return StudyFile.model_validate_json(json.dumps(document.data))
    except ValidationError as error:
        found += explain(error, StudyFile, document)
        return None


def _once_per_place(problems: Sequence[Problem]) -> list[Problem]:
    """The first problem of each place: a cross-check says more than the model that refuses the same word."""
    first: dict[tuple[int, str], Problem] = {}
    for problem in problems:
        first.setdefault((problem.line, problem.where), problem)
    return list(first.values())


def _storage(document: Document, file: StudyFile, url: str | None, found: list[Problem]) -> Storage | None:
    """The block with an absolute address; the file's own address is checked even when it is overridden."""
    folder = Path(document.file).resolve().parent
    try:
        own = database_url(file.storage.url, folder, password_allowed=False)
    except DatabaseUrlError as error:
        found.append(document.problem(("storage", "url"), error.problem, error.fix))
        return None
    return Storage(url=url or own)
