"""What the closed side of a study stores, sealed: who reads the database without the key learns no count by arm.

The encryption is deterministic (AES-SIV, RFC 5297): equal findings have equal texts and equal digests, so that
"stored only when it changed" and `audit verify` work on what is stored, without the key. Texts are padded to a power
of two, because a length would tell how many subjects a group has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from rules.model import Finding
from storage.allocation import ENVIRONMENT, AllocationKey
from storage.errors import AllocationKeyError
from storage.schema import canonical
from storage.sides import is_closed, study_of

KEY = "dsmbot_allocation_key"
"""Where a connection carries the allocation key of its process (`Database.allocation_key`)."""

_SEALED = "sealed"


def key_of(conn: Connection) -> AllocationKey | None:
    """The allocation key that this connection carries, or None."""
    found: AllocationKey | None = conn.info.get(KEY)
    return found


def sealed(conn: Connection, side_id: str, value: Any) -> Any:
    """A JSON value as it may be stored: itself on the open side, sealed on the closed one.

    Raises
    ------
    AllocationKeyError: of a closed side, without the key.
    """
    return {_SEALED: _key(conn, side_id).seal_value(study_of(side_id), value)} if is_closed(side_id) else value


def opened(conn: Connection, side_id: str, stored: Any) -> Any:
    """The JSON value that `sealed` stored.

    Raises
    ------
    AllocationKeyError: it is sealed, and there is no key or another one.
    """
    if is_closed(side_id) and isinstance(stored, Mapping) and set(stored) == {_SEALED}:
        return _key(conn, side_id).open_value(study_of(side_id), stored[_SEALED])
    return stored


def content(conn: Connection, side_id: str, value: Mapping[str, Any]) -> Any:
    """What a notification says, as it is queued: sealed on a closed side, where there is a key to have read arms by."""
    return value if key_of(conn) is None else sealed(conn, side_id, dict(value))


def digest(conn: Connection, side_id: str, finding: Finding) -> str:
    """SHA-256 (hex) of a finding as stored: of a sealed one nobody can try out what it says."""
    if not is_closed(side_id):
        return finding.digest()
    return hashlib.sha256(canonical(sealed(conn, side_id, finding.body())).encode()).hexdigest()


def _key(conn: Connection, side_id: str) -> AllocationKey:
    key = key_of(conn)
    if key is None:
        raise AllocationKeyError(
            "What rules by arm found is sealed, and there is no allocation key",
            where=f"study {study_of(side_id)}",
            fix=f"Set {ENVIRONMENT}.",
        )
    return key
