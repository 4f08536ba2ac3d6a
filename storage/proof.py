"""The audit chain vouches for the rest of history: this recomputes what each entry says and compares.

An entry holds digests: of a batch's revisions, of an evaluation's findings, of an alert's version, a response,
a rule version. Somebody with the owner's rights can change such rows behind the triggers; then what is stored
no longer gives the digest, and the entry that vouches for it is named. Rows that no entry vouches for are
found by counting. The caches are compared with the history they are made from.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, Text, func, select, type_coerce

from storage import audit
from storage.alert_heads import derived_heads
from storage.columns import canonical
from storage.concerns import concerns, digest_of
from storage.duties import duties
from storage.findings import digest_of_findings
from storage.records import content_hash
from storage.schema import (
    alert,
    alert_head,
    alert_version,
    batch,
    concern,
    duty,
    evaluation,
    finding,
    finding_head,
    response,
    revision,
    rule_version,
)
from storage.sealing import key_of
from storage.sides import is_closed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def revision_mark(
    domain: str,
    record_key: str,
    event_key: str,
    content_hash: bytes,
    deleted: bool,
    entered_at: datetime | None,
    payload: str = "",
) -> bytes:
    """Everything of one revision that a batch's digest covers, as bytes; the payload through its content hash."""
    del payload
    entered = "" if entered_at is None else (entered_at - _EPOCH) // _MICROSECOND
    place = f"{domain}:{len(record_key)}:{record_key}{event_key}:{int(deleted)}:{entered}:"
    return place.encode() + content_hash


def verify(conn: Connection, study_id: str, anchors: Sequence[audit.Anchor] = ()) -> audit.Verification:
    """Verify the chain of a study (`audit.verify`), and then everything that it vouches for.

    Returns
    -------
    The first problem; `broken_at` is the entry that vouches for what is wrong.

    Raises
    ------
    UnknownStudy: the study is not in this database.
    """
    found = audit.verify(conn, study_id, anchors)
    if not found.ok:
        return found
    vouched: Counter[str] = Counter()
    with closing(audit.entries(conn, study_id)) as entries:
        for entry in entries:
            check = _CHECKS.get(entry.kind)
            if check is None:
                continue
            vouched[entry.kind] += 1
            if problem := check(conn, study_id, json.loads(entry.body)):
                return replace(found, ok=False, broken_at=entry.seq, problem=problem)
    problem = _unvouched(conn, study_id, vouched) or _stale_cache(conn, study_id)
    return replace(found, ok=False, broken_at=found.seq, problem=problem) if problem else found


def _batch_problem(conn: Connection, study_id: str, said: Mapping[str, Any]) -> str:
    c = batch.c
    row = conn.execute(select(batch).where(c.study_id == study_id, c.batch_no == said["batch"])).one_or_none()
    if row is None:
        return f"batch {said['batch']} is gone"
    if (row.digest, row.source_id) != (said["digest"], said["source"]):
        return f"batch {said['batch']} was changed after it was closed"
    digest = audit.RunningDigest()
    with closing(_revisions(conn, row.ingest_id)) as revisions:
        for item in revisions:
            if item.content_hash != content_hash(item.payload):
                return f"a record of batch {said['batch']} was changed: {item.domain}, revision {item.revision_id}"
            digest.add((revision_mark(*item[1:]),))
    if digest.text() != said["digest"]:
        return f"records of batch {said['batch']} were changed, taken out or put in"
    return ""


def _revisions(conn: Connection, ingest_id: int) -> Generator[Any, None, None]:
    c = revision.c
    columns = (c.revision_id, c.domain, c.record_key, c.event_key, c.content_hash, c.deleted, c.entered_at, c.payload)
    query = select(*columns).where(c.ingest_id == ingest_id).order_by(c.revision_id)
    with conn.execute(query, execution_options={"yield_per": 5000}) as result:
        yield from result


def _evaluation_problem(conn: Connection, study_id: str, said: Mapping[str, Any]) -> str:
    number = said["evaluation_id"]
    e, f = evaluation.c, finding.c
    row = conn.execute(select(evaluation).where(e.evaluation_id == number, e.study_id == study_id)).one_or_none()
    names = ("batch_no", "findings_digest", "rule_versions", "code_version")
    if row is None or any(getattr(row, name) != said[name] for name in names):
        return f"evaluation {number} was changed or is gone"
    columns = (f.finding_id, f.rule_id, f.scope, f.digest, type_coerce(f.body, Text).label("text"))
    digests: dict[tuple[str, str], str] = {}
    for item in conn.execute(select(*columns).where(f.evaluation_id == number)):
        if _sha256(item.text) != item.digest:
            return f"finding {item.finding_id} of rule {item.rule_id} was changed"
        digests[item.rule_id, item.scope] = item.digest
    changed = digest_of_findings(digests) != said["changed_digest"]
    return f"findings of evaluation {number} were changed, taken out or put in" if changed else ""


def _version_problem(conn: Connection, _study_id: str, said: Mapping[str, Any]) -> str:
    c = alert_version.c
    text = type_coerce(c.finding, Text).label("text")
    query = select(c.reason, text).where(c.alert_id == said["alert_id"], c.version == said["version"])
    row = conn.execute(query).one_or_none()
    same = row is not None and (row.reason, _sha256(row.text)) == (said["reason"], said["finding"])
    return "" if same else f"version {said['version']} of alert {said['alert_id']} was changed or is gone"


def _response_problem(conn: Connection, _study_id: str, said: Mapping[str, Any]) -> str:
    row = conn.execute(select(response).where(response.c.response_id == said["response_id"])).one_or_none()
    names = ("alert_id", "alert_version", "kind", "basis")
    same = row is not None and all(getattr(row, name) == said[name] for name in names)
    same = same and row is not None and said["note"] == (_sha256(row.note) if row.note else "")
    same = same and row is not None and said.get("body", "") == (_sha256(canonical(row.body)) if row.body else "")
    return "" if same else f"response {said['response_id']} to alert {said['alert_id']} was changed or is gone"


def _rule_problem(conn: Connection, study_id: str, said: Mapping[str, Any]) -> str:
    c = rule_version.c
    query = select(type_coerce(c.body, Text)).where(c.study_id == study_id, c.rule_id == said["rule"])
    text = conn.execute(query.where(c.version == said["version"])).scalar_one_or_none()
    same = text is not None and _sha256(text) == said["digest"]
    return "" if same else f"version {said['version']} of rule {said['rule']} was changed or is gone"


def _concern_problem(conn: Connection, study_id: str, said: Mapping[str, Any]) -> str:
    found = [one for one in concerns(conn, study_id) if one.concern_id == said["concern_id"]]
    same = bool(found) and digest_of(found[0]) == said["digest"]
    return "" if same else f"concern {said['concern_id']} was changed or is gone"


def _duty_problem(conn: Connection, study_id: str, said: Mapping[str, Any]) -> str:
    same = any(one.digest() == said["digest"] for one in duties(conn, study_id))
    return "" if same else f"a {str(said['kind']).replace('_', ' ')} was changed or is gone"


_CHECKS: Mapping[str, Callable[[Connection, str, Mapping[str, Any]], str]] = {
    "batch_closed": _batch_problem,
    "evaluation": _evaluation_problem,
    "alert_version": _version_problem,
    "response": _response_problem,
    "rule_version": _rule_problem,
    "concern": _concern_problem,
    "duty": _duty_problem,
}
"""Kind of audit entry → what it vouches for."""

_TABLES = {
    "batch_closed": batch,
    "evaluation": evaluation,
    "alert_version": alert_version,
    "response": response,
    "rule_version": rule_version,
    "concern": concern,
    "duty": duty,
}


def _unvouched(conn: Connection, study_id: str, vouched: Mapping[str, int]) -> str:
    """Rows that were put in without an entry."""
    for kind, table in _TABLES.items():
        extra = _count(conn, table, study_id) - vouched.get(kind, 0)
        if extra:
            return f"{abs(extra)} rows of {table.name} are {'vouched for by no entry' if extra > 0 else 'gone'}"
    return ""


def _count(conn: Connection, table: Table, study_id: str) -> int:
    query = select(func.count()).select_from(table)
    if table is alert_version:
        query = query.join(alert, alert.c.alert_id == alert_version.c.alert_id)
        return int(conn.execute(query.where(alert.c.study_id == study_id)).scalar_one())
    return int(conn.execute(query.where(table.c.study_id == study_id)).scalar_one())


def _stale_cache(conn: Connection, study_id: str) -> str:
    """Caches that do not say what history says."""
    query = select(alert_head).where(alert_head.c.study_id == study_id).order_by(alert_head.c.alert_id)
    readable = not is_closed(study_id) or key_of(conn) is not None  # where alerts stand is in what is sealed
    if readable and [dict(row) for row in conn.execute(query).mappings()] != derived_heads(conn, study_id):
        return "where alerts stand was changed outside the product (table alert_head)"
    f, h = finding.c, finding_head.c
    last = select(func.max(f.finding_id)).where(f.study_id == study_id).group_by(f.rule_id, f.scope)
    true = select(f.rule_id, f.scope, f.finding_id, f.digest).where(f.finding_id.in_(last))
    kept = select(h.rule_id, h.scope, h.finding_id, h.digest).where(h.study_id == study_id)
    if {tuple(row) for row in conn.execute(true)} != {tuple(row) for row in conn.execute(kept)}:
        return "the last findings were changed outside the product (table finding_head)"
    return ""


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
