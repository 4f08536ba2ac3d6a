"""What rules found: a finding is stored only when it differs from the last one of its scope.

`finding_head` remembers the last digest of each scope, so that the thousandth poll is as fast as the first;
it is a cache that `rebuild_heads` makes anew from history. Rule versions keep what a past evaluation needs
to be judged again.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from rules.model import Finding, finding_from_body
from storage import audit, sealing
from storage.heads import Head, dialect_insert
from storage.schema import canonical, evaluation, finding, finding_head, rule_version
from storage.sides import is_closed, numbered

Key = tuple[str, str]
"""(rule id, scope)."""


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """One stored version of a rule; `body` holds rule, term lists, derivation, plan and boundary table."""

    rule_id: str
    version: int
    fingerprint: str
    body: Mapping[str, Any]
    valid_from: datetime


@dataclass(frozen=True, slots=True)
class StoredEvaluation:
    """What `store_evaluation` wrote.

    Parameters
    ----------
    evaluation_id: its number.
    changed: findings that differ from the last of their scope, in the order given; only these were stored.
    head: the study's head, advanced by one audit entry.
    """

    evaluation_id: int
    changed: tuple[Finding, ...]
    head: Head


def register_rule(
    conn: Connection, head: Head, rule_id: str, *, fingerprint: str, body: Mapping[str, Any], now: datetime
) -> tuple[int, Head]:
    """The version number of a rule, a new one when its fingerprint differs from the last version's.

    A rule that is changed back is a new version again: each version is valid from its own moment. A new
    version is audited with the digest of its body.

    Returns
    -------
    version number, head (advanced only when a version was added)
    """
    last = last_rule_versions(conn, head.study_id, [rule_id]).get(rule_id)
    if last is not None and last.fingerprint == fingerprint:
        return last.version, head
    version = last.version + 1 if last else 1
    conn.execute(
        insert(rule_version).values(
            study_id=head.study_id, rule_id=rule_id, version=version, fingerprint=fingerprint, body=dict(body),
            valid_from=now,
        )
    )  # fmt: skip
    said = {
        "rule": rule_id,
        "version": version,
        "fingerprint": fingerprint,
        "digest": hashlib.sha256(canonical(dict(body)).encode()).hexdigest(),
    }
    return version, audit.append(conn, head, at=now, actor="dsmbot", kind="rule_version", body=said)


def last_rule_versions(
    conn: Connection, study_id: str, rule_ids: Collection[str] | None = None
) -> dict[str, RuleVersion]:
    """The last version of each rule that ever judged this study, also of rules no longer configured."""
    c = rule_version.c
    last = select(c.rule_id, func.max(c.version).label("version")).where(c.study_id == study_id).group_by(c.rule_id)
    if rule_ids is not None:
        last = last.where(c.rule_id.in_(rule_ids))
    latest = last.subquery()
    query = select(rule_version).join(latest, (c.rule_id == latest.c.rule_id) & (c.version == latest.c.version))
    return {row.rule_id: _rule_version(row) for row in conn.execute(query.where(c.study_id == study_id))}


def read_rule_version(conn: Connection, study_id: str, rule_id: str, version: int) -> RuleVersion | None:
    """One version of a rule as it was stored, or None."""
    c = rule_version.c
    query = select(rule_version).where(c.study_id == study_id, c.rule_id == rule_id, c.version == version)
    row = conn.execute(query).one_or_none()
    return None if row is None else _rule_version(row)


def rules_with_history(conn: Connection, study_id: str) -> frozenset[str]:
    """Rules that have judged this study: one of them missing from the config must stop the start."""
    query = select(rule_version.c.rule_id).where(rule_version.c.study_id == study_id).distinct()
    return frozenset(conn.execute(query).scalars())


def last_digests(conn: Connection, study_id: str) -> dict[Key, str]:
    """Digest of the last stored finding of every scope; its keys are all scopes ever judged."""
    c = finding_head.c
    rows = conn.execute(select(c.rule_id, c.scope, c.digest).where(c.study_id == study_id))
    return {(rule_id, scope): digest for rule_id, scope, digest in rows}


def last_findings(
    conn: Connection, study_id: str, *, rule_id: str | None = None, keys: Collection[Key] | None = None
) -> dict[Key, Finding]:
    """The last stored finding of each scope, of all, of one rule, or of the keys named."""
    h = finding_head.c
    query = select(finding.c.body).join(finding_head, h.finding_id == finding.c.finding_id)
    query = query.where(h.study_id == study_id)
    if rule_id is not None:
        query = query.where(h.rule_id == rule_id)
    bodies: Iterable[Any] = (sealing.opened(conn, study_id, body) for body in conn.execute(query).scalars())
    if keys is not None:
        wanted = set(keys)
        bodies = [body for body in bodies if (body["rule"], body["scope"]) in wanted]
    return {(body["rule"], body["scope"]): finding_from_body(body) for body in bodies}


def last_finding(conn: Connection, study_id: str, rule_id: str, scope: str) -> Finding | None:
    """The last stored finding of one scope of one rule; None before any."""
    h = finding_head.c
    query = select(finding.c.body).join(finding_head, h.finding_id == finding.c.finding_id)
    body = conn.execute(
        query.where(h.study_id == study_id, h.rule_id == rule_id, h.scope == scope)
    ).scalar_one_or_none()
    return None if body is None else finding_from_body(sealing.opened(conn, study_id, body))


def last_finding_id(conn: Connection, study_id: str, rule_id: str, scope: str) -> int | None:
    """Number of the last stored finding of a scope: a new one whenever what it says has changed; None before any."""
    h = finding_head.c
    query = select(h.finding_id).where(h.study_id == study_id, h.rule_id == rule_id, h.scope == scope)
    return conn.execute(query).scalar_one_or_none()


def store_evaluation(
    conn: Connection,
    head: Head,
    *,
    findings: Sequence[Finding],
    rule_versions: Mapping[str, int],
    batch_no: int,
    data_cutoff: datetime,
    at: datetime,
    code_version: str,
) -> StoredEvaluation:
    """Record one evaluation: a row for it, the findings that changed, and one audit entry for both.

    Parameters
    ----------
    head: the locked head; the caller still advances `evaluated_batch_no` and its companions.
    findings: all findings of the evaluation, at most one per (rule, scope).
    rule_versions: rule id → version that judged, for every rule evaluated.
    batch_no, data_cutoff: what was judged.   at: when (aware UTC).   code_version: of the product.

    Raises
    ------
    ValueError: two findings of one scope, or a finding of a rule without a version.
    """
    digests = _digests(conn, head.study_id, findings, rule_versions)
    before = last_digests(conn, head.study_id)
    changed = [item for item in findings if before.get((item.rule, item.scope)) != digests[item.rule, item.scope]]
    total = digest_of_findings(digests)
    row = {
        "study_id": head.study_id,
        "batch_no": batch_no,
        "data_cutoff": data_cutoff,
        "at": at,
        "rule_versions": dict(rule_versions),
        "states": {} if is_closed(head.study_id) else _states(findings, rule_versions),
        "findings_digest": total,
        "code_version": code_version,
    }
    [row] = numbered(conn, evaluation.c.evaluation_id, head.study_id, [row])
    evaluation_id = conn.execute(insert(evaluation).values(row).returning(evaluation.c.evaluation_id)).scalar_one()
    _store_changed(conn, head.study_id, evaluation_id, changed, digests, rule_versions)
    said = {name: row[name] for name in ("batch_no", "rule_versions", "findings_digest", "code_version")}
    said |= {"evaluation_id": evaluation_id, "findings": len(findings), "changed": len(changed)}
    said |= {
        "changed_digest": digest_of_findings(
            {key: digests[key] for key in ((item.rule, item.scope) for item in changed)}
        )
    }
    head = audit.append(conn, head, at=at, actor="dsmbot", kind="evaluation", body=said)
    return StoredEvaluation(evaluation_id, tuple(changed), head)


def digest_of_findings(digests: Mapping[Key, str]) -> str:
    """One digest over the digests of many findings, whatever their order."""
    return audit.digest_of(f"{rule}\0{scope}\0{digests[rule, scope]}".encode() for rule, scope in sorted(digests))


def rebuild_heads(conn: Connection, study_id: str) -> int:
    """Make the cache of last findings anew from history. Returns the number of scopes."""
    c = finding.c
    conn.execute(delete(finding_head).where(finding_head.c.study_id == study_id))
    last = select(func.max(c.finding_id)).where(c.study_id == study_id).group_by(c.rule_id, c.scope)
    rows = select(c.study_id, c.rule_id, c.scope, c.finding_id, c.digest).where(c.finding_id.in_(last))
    conn.execute(insert(finding_head).from_select(["study_id", "rule_id", "scope", "finding_id", "digest"], rows))
    own = select(func.count()).select_from(finding_head).where(finding_head.c.study_id == study_id)
    return int(conn.execute(own).scalar_one())


def _digests(
    conn: Connection, side_id: str, findings: Sequence[Finding], rule_versions: Mapping[str, int]
) -> dict[Key, str]:
    digests: dict[Key, str] = {}
    for item in findings:
        if item.rule not in rule_versions:
            raise ValueError(f"rule {item.rule!r} has findings but no registered version")
        if (item.rule, item.scope) in digests:
            raise ValueError(f"rule {item.rule!r} has two findings for scope {item.scope!r}: a rule gives one a scope")
        digests[item.rule, item.scope] = sealing.digest(conn, side_id, item)
    return digests


def _states(findings: Sequence[Finding], rule_versions: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Rule id → state → number of scopes; a rule that found nothing is there too, with no states."""
    counted = Counter((item.rule, item.state.value) for item in findings)
    states: dict[str, dict[str, int]] = {rule_id: {} for rule_id in rule_versions}
    for (rule_id, state), number in counted.items():
        states[rule_id][state] = number
    return states


def _store_changed(
    conn: Connection,
    study_id: str,
    evaluation_id: int,
    changed: Sequence[Finding],
    digests: Mapping[Key, str],
    rule_versions: Mapping[str, int],
) -> None:
    if not changed:
        return
    rows = [
        {
            "evaluation_id": evaluation_id,
            "study_id": study_id,
            "rule_id": item.rule,
            "rule_version": rule_versions[item.rule],
            "scope": item.scope,
            "digest": digests[item.rule, item.scope],
            "body": sealing.sealed(conn, study_id, item.body()),
        }
        for item in changed
    ]
    c = finding.c
    rows = numbered(conn, c.finding_id, study_id, rows)
    stored = conn.execute(insert(finding).returning(c.finding_id, c.rule_id, c.scope, c.digest), rows)
    upsert = dialect_insert(conn, finding_head)
    upsert = upsert.on_conflict_do_update(
        index_elements=["study_id", "rule_id", "scope"],
        set_={"finding_id": upsert.excluded.finding_id, "digest": upsert.excluded.digest},
    )
    conn.execute(upsert, [{"study_id": study_id, **row} for row in stored.mappings()])


def _rule_version(row: Any) -> RuleVersion:
    return RuleVersion(row.rule_id, row.version, row.fingerprint, row.body, row.valid_from)
