"""Every table, in SQLAlchemy Core. Append-only tables carry triggers (see `storage.triggers`).

Times are aware UTC and JSON is canonical text on both databases (see `storage.columns`).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from storage.alert_tables import alert as alert
from storage.alert_tables import alert_head as alert_head
from storage.alert_tables import alert_version as alert_version
from storage.alert_tables import response as response
from storage.columns import CanonicalJson as CanonicalJson
from storage.columns import RowId as RowId
from storage.columns import UtcDateTime as UtcDateTime
from storage.columns import canonical as canonical
from storage.columns import metadata as metadata
from storage.duty_tables import duty as duty
from storage.raised_tables import concern as concern

study_head = Table(
    "study_head",
    metadata,
    Column("study_id", String, primary_key=True),
    Column("mode", String, nullable=False),  # practice | rehearsal | live
    Column("batch_no", BigInteger, nullable=False, default=0),
    Column("evaluated_batch_no", BigInteger, nullable=False, default=0),
    Column("evaluated_cutoff", UtcDateTime),
    Column("rules_fingerprint", String, nullable=False, default=""),
    Column("next_due", UtcDateTime),
    Column("audit_seq", BigInteger, nullable=False, default=0),
    Column("audit_hash", String, nullable=False, default=""),
    Column("epoch", BigInteger, nullable=False, default=0),
)
"""One mutable row per study: locked first, advanced last, by every writing transaction."""

ingest = Table(
    "ingest",
    metadata,
    Column("ingest_id", RowId, primary_key=True, autoincrement=True),
    Column("study_id", String, nullable=False),
    Column("source_id", String, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
)
"""One row per attempt to write a batch. Its revisions stay invisible until a `batch` row names it."""

batch = Table(
    "batch",
    metadata,
    Column("study_id", String, primary_key=True),
    Column("batch_no", BigInteger, primary_key=True, autoincrement=False),
    Column("ingest_id", BigInteger, nullable=False, unique=True),
    Column("source_id", String, nullable=False),
    Column("closed_at", UtcDateTime, nullable=False),
    Column("watermark", UtcDateTime, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("counts", CanonicalJson, nullable=False),
    Column("digest", String, nullable=False),
)
"""Closing a batch gives it its number; snapshots filter on the number, never on a clock."""

revision = Table(
    "revision",
    metadata,
    Column("revision_id", RowId, primary_key=True, autoincrement=True),
    Column("ingest_id", BigInteger, nullable=False),
    Column("study_id", String, nullable=False),
    Column("source_id", String, nullable=False),
    Column("domain", String, nullable=False),
    Column("record_key", String, nullable=False),
    Column("event_key", String, nullable=False),
    Column("content_hash", LargeBinary(16), nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("entered_at", UtcDateTime),  # mapped entry time of the record, else NULL: the batch's close counts
    Column("payload", Text, nullable=False),  # canonical JSON of the kept variables; "" for a tombstone
    Index("ix_revision_ingest", "ingest_id"),
    Index("ix_revision_record", "record_key"),  # a poll with few changes looks only at these records
)
"""Append-only versions of records; appended only where the content hash changed."""

fault = Table(
    "fault",
    metadata,
    Column("fault_id", RowId, primary_key=True, autoincrement=True),
    Column("ingest_id", BigInteger, nullable=False, index=True),
    Column("study_id", String, nullable=False),
    Column("source_id", String, nullable=False),
    Column("domain", String, nullable=False),
    Column("file", String, nullable=False),
    Column("row_no", BigInteger, nullable=False),  # 1-based data row in the file; 0 = the file as a whole
    Column("variable", String, nullable=False),
    Column("kind", String, nullable=False),  # rules.sdtm.FaultKind value
)
"""What is doubtful in a kept row: by source, row and column, never by value."""

poll = Table(
    "poll",
    metadata,
    Column("poll_id", RowId, primary_key=True, autoincrement=True),
    Column("study_id", String, nullable=False, index=True),
    Column("source_id", String, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime, nullable=False),
    Column("outcome", String, nullable=False),  # ok | unchanged | failed
    Column("reason", Text, nullable=False, default=""),
    Column("counts", CanonicalJson, nullable=False),
)
"""Append-only: every poll of every source, also the failed ones. Unchanged polls are summarised in source_state."""

source_state = Table(
    "source_state",
    metadata,
    Column("study_id", String, primary_key=True),
    Column("source_id", String, primary_key=True),
    Column("record_keys", CanonicalJson, nullable=False),  # domain → variable chosen at first load
    Column("fingerprint", CanonicalJson, nullable=False),  # what the source needs to skip an unchanged file
    Column("columns", CanonicalJson, nullable=False),  # domain → kept columns last seen
    Column("last_complete_at", UtcDateTime),
    Column("last_polled_at", UtcDateTime),
    Column("failing_since", UtcDateTime),
    Column("reason", Text, nullable=False, default=""),
    Column("accept_once", CanonicalJson),  # {"reason","by","at"} admits one smaller file
)
"""Mutable memory of one source."""

allocation = Table(
    "allocation",
    metadata,
    Column("allocation_id", RowId, primary_key=True, autoincrement=True),
    Column("ingest_id", BigInteger, nullable=False),
    Column("study_id", String, nullable=False),
    Column("source_id", String, nullable=False),
    Column("domain", String, nullable=False),
    Column("key_digest", LargeBinary(16), nullable=False),  # keyed digest of the record key
    Column("value_digest", LargeBinary(16), nullable=False),  # keyed digest of the values
    Column("ciphertext", LargeBinary, nullable=False),
)
"""Arm-revealing variables, encrypted, append-only. Absent without the key: then dropped and counted."""

rule_version = Table(
    "rule_version",
    metadata,
    Column("study_id", String, primary_key=True),
    Column("rule_id", String, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("fingerprint", String, nullable=False),
    Column("body", CanonicalJson, nullable=False),  # rule, term lists, derivation, plan, boundary table
    Column("valid_from", UtcDateTime, nullable=False),
)
"""Append-only: a past evaluation can be judged again by the version that judged it."""

evaluation = Table(
    "evaluation",
    metadata,
    Column("evaluation_id", RowId, primary_key=True, autoincrement=True),
    Column("study_id", String, nullable=False, index=True),
    Column("batch_no", BigInteger, nullable=False),
    Column("data_cutoff", UtcDateTime, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("rule_versions", CanonicalJson, nullable=False),  # rule id → version
    Column("states", CanonicalJson, nullable=False),  # rule id → {state: number of scopes}
    Column("findings_digest", String, nullable=False),
    Column("code_version", String, nullable=False),
)
"""Append-only: one row per evaluation."""

finding = Table(
    "finding",
    metadata,
    Column("finding_id", RowId, primary_key=True, autoincrement=True),
    Column("evaluation_id", BigInteger, nullable=False, index=True),
    Column("study_id", String, nullable=False),
    Column("rule_id", String, nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("scope", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("body", CanonicalJson, nullable=False),
    Index("ix_finding_scope", "study_id", "rule_id", "scope", "finding_id"),
)
"""Append-only: a finding is stored only when its digest differs from the last for its scope."""

finding_head = Table(
    "finding_head",
    metadata,
    Column("study_id", String, primary_key=True),
    Column("rule_id", String, primary_key=True),
    Column("scope", String, primary_key=True),
    Column("finding_id", BigInteger, nullable=False),
    Column("digest", String, nullable=False),
)
"""Mutable and rebuildable: the last stored finding of each scope, so that history never slows a poll."""

outbox = Table(
    "outbox",
    metadata,
    Column("outbox_id", RowId, primary_key=True, autoincrement=True),
    Column("study_id", String, nullable=False),
    Column("delivery_key", String, nullable=False, unique=True),
    Column("audience", String, nullable=False),
    Column("kind", String, nullable=False),  # parent | reply | note | group | file; email | webhook: the second path
    Column("alert_id", BigInteger),
    Column("alert_version", Integer),
    Column("content", CanonicalJson, nullable=False),  # what wording needs; never rendered text
    Column("priority", Integer, nullable=False),  # 0 critical … 9 routine
    Column("broadcast", Boolean, nullable=False, default=False),
    Column("status", String, nullable=False),  # queued | sending | ambiguous | sent | held | superseded
    Column("created_at", UtcDateTime, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("attempted_at", UtcDateTime),
    Column("lease", String),
    Column("lease_until", UtcDateTime),
    Column("doubtful", Boolean, nullable=False, default=False),  # an attempt once had an unknown outcome
    Column("channel_id", String),
    Column("thread_key", String),  # delivery key of the parent message, for replies
    Column("ts", String),
    Column("rendered_version", Integer),  # alert_head.revision that the posted text shows
    Column("rendered_hash", String),
    Column("sent_at", UtcDateTime),
    Column("swept_at", UtcDateTime),
    Column("sweep_due", UtcDateTime),  # when the channel must be searched for a second copy; NULL: never
    Column("last_error", Text, nullable=False, default=""),
    Index("ix_outbox_status", "status", "study_id", "priority", "outbox_id"),
    Index("ix_outbox_alert", "alert_id"),
)
"""Mutable: what must reach people, and where it stands. Written with the alert, in one transaction."""

inbox = Table(
    "inbox",
    metadata,
    Column("inbox_key", String, primary_key=True),
    Column("study_id", String, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("kind", String, nullable=False),
    Column("payload", CanonicalJson, nullable=False),
    Column("applied_at", UtcDateTime),
    Column("outcome", String, nullable=False, default=""),
)
"""Clicks and commands by their redelivery-proof key: committed before the envelope is acknowledged."""

period = Table(
    "period",
    metadata,
    Column("study_id", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("due_at", UtcDateTime, primary_key=True),
    Column("finished_at", UtcDateTime),
    Column("outbox_id", BigInteger),
)
"""Due periods (daily note, summaries): the unique key makes each happen once, late ones included."""

audit = Table(
    "audit",
    metadata,
    Column("study_id", String, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String, nullable=False),  # "dsmbot", "user:T…/U…", "operator:NAME"
    Column("kind", String, nullable=False),
    Column("body", CanonicalJson, nullable=False),
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
)
"""Append-only hash chain, one per study; its head is in `study_head` and in every note that is posted."""

APPEND_ONLY = (
    ingest, batch, revision, fault, poll, allocation, rule_version, evaluation, finding, alert, alert_version, response,
    concern, duty, audit,
)  # fmt: skip
"""Tables on which UPDATE, DELETE and TRUNCATE are refused by triggers."""

CACHES = (finding_head, alert_head)
"""Tables that are made anew from history and may be emptied."""
