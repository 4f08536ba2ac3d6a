"""Arm-revealing variables, sealed: who reads the database without the key learns nothing of any arm.

Without a key nothing is stored; the caller drops and counts (design, invariant 2). With it each record's
values are encrypted with AES-256-GCM (NIST SP 800-38D) under a random nonce and padded to a fixed size,
because the length of a ciphertext would tell "PLACEBO" from "STS 25 %". Digests are keyed *and* bound to
the record: equal arms of two subjects have different digests, so that they cannot be sorted into groups.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from sqlalchemy import Connection, Select, insert, select

from storage.errors import AllocationKeyError
from storage.schema import allocation, batch, canonical

ENVIRONMENT = "DSMBOT_ALLOCATION_KEY"
"""Environment variable with the key; with `_FILE` appended, with the path of a file that holds it."""

_NONCE, _BLOCK, _KEY = 12, 256, 32
_LEAST = 4096
"""Least size of a sealed value, in bytes."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One record's arm-revealing values, as stored.

    Parameters
    ----------
    key_digest: keyed digest of study, domain and record key, 16 bytes: finds the record again.
    value_digest: keyed digest of the record and its values, 16 bytes: tells whether they changed.
    ciphertext: nonce, then the padded values encrypted and authenticated.
    """

    key_digest: bytes
    value_digest: bytes
    ciphertext: bytes


class AllocationKey:
    """The key of the allocation table; its text is never shown, logged or stored.

    Parameters
    ----------
    material: 32 random bytes, from which the encryption and digest keys are derived.
    """

    __slots__ = ("_cipher", "_digest_key", "_vault")

    def __init__(self, material: bytes) -> None:
        if len(material) != _KEY:
            raise AllocationKeyError(
                f"The allocation key has {len(material)} bytes instead of {_KEY}", where=ENVIRONMENT, fix=_MAKE_ONE
            )
        self._cipher = AESGCM(_derived(material, b"encrypt"))
        self._digest_key = _derived(material, b"digest")
        self._vault = AESSIV(_derived(material, b"vault", 2 * _KEY))

    def __repr__(self) -> str:
        return "AllocationKey(…)"

    @classmethod
    def generate(cls) -> str:
        """Text of a new random key, for the environment or a file."""
        return base64.urlsafe_b64encode(os.urandom(_KEY)).decode()

    @classmethod
    def from_text(cls, text: str, *, where: str = ENVIRONMENT) -> AllocationKey:
        """Read a key as `generate` writes it: 44 characters of URL-safe base64.

        Raises
        ------
        AllocationKeyError: any other text; the message names `where`, never the text.
        """
        try:
            material = base64.b64decode(text.strip().encode("ascii"), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError) as error:
            raise AllocationKeyError("The allocation key is not base64", where=where, fix=_MAKE_ONE) from error
        if len(material) != _KEY:
            what = f"The allocation key has {len(material)} bytes instead of {_KEY}"
            raise AllocationKeyError(what, where=where, fix=_MAKE_ONE)
        return cls(material)

    @classmethod
    def for_practice(cls) -> AllocationKey:
        """A key that everybody has, to seal what is said of invented arms. No allocation is ever stored under it."""
        return cls(hashlib.sha256(b"DSMBot practice: arms are invented").digest())

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> AllocationKey | None:
        """The key named by `DSMBOT_ALLOCATION_KEY` or `DSMBOT_ALLOCATION_KEY_FILE`; None when neither is set.

        Raises
        ------
        AllocationKeyError: both are set, the file cannot be read, or the key is malformed.
        """
        text, file = environment.get(ENVIRONMENT, ""), environment.get(f"{ENVIRONMENT}_FILE", "")
        if text and file:
            raise AllocationKeyError(
                "The allocation key is given twice", where=f"{ENVIRONMENT} and {ENVIRONMENT}_FILE", fix="Unset one."
            )
        if text:
            return cls.from_text(text)
        if not file:
            return None
        try:
            return cls.from_text(Path(file).read_text(encoding="utf-8"), where=file)
        except (OSError, UnicodeDecodeError) as error:
            raise AllocationKeyError(
                "The file of the allocation key cannot be read", where=file, fix=f"Correct {ENVIRONMENT}_FILE."
            ) from error

    def seal(self, study_id: str, domain: str, record_key: str, values: Mapping[str, str]) -> Sealed:
        """Encrypt one record's arm-revealing values (variable → canonical text)."""
        body = canonical({"record_key": record_key, "values": dict(values)}).encode()
        padded = body + b" " * (-len(body) % _BLOCK)
        nonce = os.urandom(_NONCE)
        ciphertext = nonce + self._cipher.encrypt(nonce, padded, _bound_to(study_id, domain))
        return Sealed(self.key_digest(study_id, domain, record_key), self._digest(study_id, domain, body), ciphertext)

    def key_digest(self, study_id: str, domain: str, record_key: str) -> bytes:
        """The digest under which a record's values are found."""
        return self._digest(study_id, domain, canonical([record_key]).encode())

    def open(self, study_id: str, domain: str, ciphertext: bytes) -> tuple[str, dict[str, str]]:
        """Record key and values of one sealed record.

        Raises
        ------
        AllocationKeyError: another key sealed it, or it was altered.
        """
        nonce, sealed = ciphertext[:_NONCE], ciphertext[_NONCE:]
        try:
            body = json.loads(self._cipher.decrypt(nonce, sealed, _bound_to(study_id, domain)))
        except InvalidTag as error:
            raise _other_key(f"study {study_id}, domain {domain}") from error
        return body["record_key"], body["values"]

    def seal_value(self, study_id: str, value: Any) -> str:
        """Any JSON value, sealed as text: equal values give equal texts (AES-SIV, RFC 5297), padded (`_LEAST`)."""
        body = canonical(value).encode()
        size = max(_LEAST, 1 << (len(body) - 1).bit_length())
        return base64.b64encode(self._vault.encrypt(body.ljust(size), [_bound_to(study_id, "vault")])).decode()

    def open_value(self, study_id: str, sealed: str) -> Any:
        """The value that `seal_value` sealed.

        Raises
        ------
        AllocationKeyError: another key sealed it, or it was altered.
        """
        try:
            return json.loads(self._vault.decrypt(base64.b64decode(sealed), [_bound_to(study_id, "vault")]))
        except (InvalidTag, binascii.Error) as error:
            raise _other_key(f"study {study_id}") from error

    def coin(self, study_id: str, number: int) -> bool:
        """A toss that is the same for ever and that nobody without the key can know."""
        return bool(self._digest(study_id, "coin", str(number).encode())[0] & 1)

    def _digest(self, study_id: str, domain: str, content: bytes) -> bytes:
        bound = _bound_to(study_id, domain) + b"\0" + content
        return hashlib.blake2b(bound, key=self._digest_key, digest_size=16).digest()


def store(
    conn: Connection, *, ingest_id: int, study_id: str, source_id: str, domain: str, sealed: Iterable[Sealed]
) -> int:
    """Append sealed records to an ingest that is still open; they become visible with its batch. Returns how many."""
    rows = [
        {
            "ingest_id": ingest_id,
            "study_id": study_id,
            "source_id": source_id,
            "domain": domain,
            "key_digest": item.key_digest,
            "value_digest": item.value_digest,
            "ciphertext": item.ciphertext,
        }
        for item in sealed
    ]
    if rows:
        conn.execute(insert(allocation), rows)
    return len(rows)


def last_value_digests(conn: Connection, study_id: str, source_id: str, domain: str) -> dict[bytes, bytes]:
    """Key digest → value digest of the last visible values of each record: what is equal is not stored again."""
    query = _visible(study_id, None, allocation.c.key_digest, allocation.c.value_digest)
    c = allocation.c
    rows = conn.execute(query.where(c.source_id == source_id, c.domain == domain))
    return {bytes(row.key_digest): bytes(row.value_digest) for row in rows}


def read(
    conn: Connection, study_id: str, key: AllocationKey, *, batch_no: int | None = None
) -> dict[str, dict[str, dict[str, str]]]:
    """Domain → record key → arm-revealing values, as known at a batch (None: the last).

    Whoever calls this unblinds: it may only feed what `bot/access.py` discloses to a closed audience.

    Raises
    ------
    AllocationKeyError: the key is not the one that sealed them.
    """
    found: dict[str, dict[str, dict[str, str]]] = {}
    for row in conn.execute(_visible(study_id, batch_no, allocation.c.domain, allocation.c.ciphertext)):
        record_key, values = key.open(study_id, row.domain, bytes(row.ciphertext))
        found.setdefault(row.domain, {})[record_key] = values
    return found


def history(
    conn: Connection, study_id: str, key: AllocationKey, domain: str, *, batch_no: int
) -> Iterator[tuple[str, dict[str, str]]]:
    """Record key and arm-revealing values of one domain, every version that was visible at a batch, oldest first.

    Unblinds as `read` does. Raises AllocationKeyError likewise.
    """
    query = _visible(study_id, batch_no, allocation.c.ciphertext).where(allocation.c.domain == domain)
    for row in conn.execute(query):
        yield key.open(study_id, domain, bytes(row.ciphertext))


def _visible(study_id: str, batch_no: int | None, *columns: object) -> Select[tuple[object, ...]]:
    """Rows of closed batches, oldest first, so that the last one of a record wins."""
    query = select(*columns).join(batch, batch.c.ingest_id == allocation.c.ingest_id)  # type: ignore[call-overload]
    query = query.where(allocation.c.study_id == study_id, batch.c.study_id == study_id)
    if batch_no is not None:
        query = query.where(batch.c.batch_no <= batch_no)
    ordered: Select[tuple[object, ...]] = query.order_by(batch.c.batch_no, allocation.c.allocation_id)
    return ordered


def _bound_to(study_id: str, domain: str) -> bytes:
    return canonical([study_id, domain]).encode()


def _derived(material: bytes, purpose: bytes, size: int = _KEY) -> bytes:
    """A separate key for each purpose (BLAKE2b, RFC 7693, keyed with the material)."""
    return hashlib.blake2b(purpose, key=material, digest_size=size, person=b"dsmbot alloc").digest()


def _other_key(where: str) -> AllocationKeyError:
    return AllocationKeyError(
        "This key does not open the stored allocation: it is another key, or the row was altered",
        where=where,
        fix="Use the key with which monitoring began.",
    )


_MAKE_ONE = (
    "Make one: python -c 'import os, base64; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'. "
    "Keep it apart from the database."
)
