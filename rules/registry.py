"""Rule kinds by name, from what it is given: plug-ins are loaded by the caller, never here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel, TypeAdapter

from rules.errors import RuleError, UnknownKindError
from rules.model import Derivation, Rule, StudyPlan


class Registry:
    """The kinds of rule that a configuration may use.

    Parameters
    ----------
    kinds: name → frozen pydantic model that implements `Rule`.

    Raises
    ------
    RuleError: a kind that is no pydantic model with a field `kind`, a field `id` and a method `evaluate`.
    """

    def __init__(self, kinds: Mapping[str, type]) -> None:
        for name, kind in kinds.items():
            fields = getattr(kind, "model_fields", {})
            if not {"kind", "id"} <= set(fields) or not callable(getattr(kind, "evaluate", None)):
                raise RuleError(
                    f"rule kind {name!r} ({kind.__module__}.{kind.__qualname__}) is not usable: it must be a pydantic "
                    "model with the fields 'kind' and 'id' and a method evaluate(facts)"
                )
        self._kinds: Mapping[str, type[BaseModel]] = dict(kinds)

    @property
    def names(self) -> tuple[str, ...]:
        """The kinds that are known, sorted."""
        return tuple(sorted(self._kinds))

    def build(self, definition: Mapping[str, Any], derivation: Derivation, plan: StudyPlan) -> Rule:
        """One rule from its YAML.

        Parameters
        ----------
        definition: the keys of one entry under `rules:`, as plain JSON values.
        derivation, plan: what the study fixes; handed to kinds that ask for it by a method `check(derivation, plan)`.

        Raises
        ------
        UnknownKindError: no kind of that name; it names those that are known.
        RuleError: no kind at all.
        pydantic.ValidationError: keys or values the kind does not allow, each with its place.
        DesignError: a statistical design that cannot exist as asked.
        """
        name = definition.get("kind")
        if not isinstance(name, str):
            raise RuleError(f"rule {definition.get('id', '?')!r} has no kind; known kinds: {', '.join(self.names)}")
        if name not in self._kinds:
            raise UnknownKindError(name, self.names)
        rule = self._kinds[name].model_validate_json(json.dumps(dict(definition)))
        check = getattr(rule, "check", None)
        if callable(check):
            check(derivation, plan)
        return cast(Rule, rule)

    def rebuild(self, stored: Mapping[str, Any], derivation: Derivation, plan: StudyPlan) -> Rule:
        """A rule from what `Rule.stored()` gave: its YAML, without what was only computed from it.

        Raises
        ------
        As `build`.
        """
        kind = self._kinds.get(str(stored.get("kind")))
        fields = kind.model_fields if kind else {}
        keys = {field.alias or name for name, field in fields.items()} | {"kind"}
        return self.build({key: value for key, value in stored.items() if key in keys}, derivation, plan)

    def schema(self) -> dict[str, Any]:
        """JSON schema of one entry under `rules:`, for editors: any of the kinds, told apart by `kind`."""
        models = [self._kinds[name] for name in self.names]
        one_of = [TypeAdapter(m).json_schema(by_alias=True, ref_template="#/$defs/{model}") for m in models]
        definitions: dict[str, Any] = {}
        for schema in one_of:
            definitions |= schema.pop("$defs", {})
        return {"oneOf": one_of, "$defs": definitions}
