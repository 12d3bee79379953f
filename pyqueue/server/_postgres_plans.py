"""What the PostgreSQL store asks its server, apart from any connection.

A plan is a generator: it yields statements, is sent the rows of each, and returns the result. Each statement
is a transaction of its own, and the server's clock decides. A plan whose connection broke is begun again: the
same claim asks with the same token.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from typing import Any, TypeVar

from psycopg.errors import LockNotAvailable

from .._errors import DeclarationError
from ._headers import headers_from_text, headers_to_text
from ._key_text import digest_of, legible
from .stores import Claimed, InFlight, Mismatch, Outcome, Replay, StoredResponse

T = TypeVar("T")

Statement = tuple[str, Mapping[str, Any]]
Plan = Generator[Statement, Sequence[tuple[Any, ...]], T]

BATCH = 1000
"""Keys that one statement of `prune` deletes."""

PASSING = 200
"""Keys that a claim deletes in passing, once in half as many claims: faster than claims can make new ones."""

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS {table} (
        id bytea PRIMARY KEY,  -- SHA-256 of the key, which may be longer than an index takes
        key text NOT NULL,  -- for people who look
        fingerprint bytea NOT NULL,
        token text NOT NULL,
        claimed_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL,  -- of the lease, or once there is a status of the answer
        status smallint,
        headers text,
        body bytea
    )
    """,
    "CREATE INDEX IF NOT EXISTS {name}_ends_at ON {table} (ends_at)",
)

# A key that is seen to be taken is only read: no lock, and nothing to flush. An attempt that waited for
# another's insert gets the update, whose condition and times are of after the wait. The last part sees what
# was there when the statement began: if that has ended since, there is no row.
_CLAIM = """
    WITH claimed AS (
        INSERT INTO {table} AS kept (id, key, fingerprint, token, claimed_at, ends_at)
        SELECT :id, :key, :fingerprint, :token,
            clock_timestamp(), clock_timestamp() + make_interval(secs => :lease)
        WHERE NOT EXISTS (
            SELECT FROM {table} WHERE id = :id AND ends_at > clock_timestamp()
            AND (token <> :token OR status IS NOT NULL)
        )
        ON CONFLICT (id) DO UPDATE SET
            fingerprint = excluded.fingerprint, token = excluded.token, claimed_at = clock_timestamp(),
            ends_at = clock_timestamp() + make_interval(secs => :lease),
            status = NULL, headers = NULL, body = NULL
        WHERE kept.ends_at <= clock_timestamp() OR (kept.token = excluded.token AND kept.status IS NULL)
        RETURNING true
    )
    SELECT true, NULL::bytea, NULL::float8, NULL::smallint, NULL::text, NULL::bytea FROM claimed
    UNION ALL
    ({read} AND NOT EXISTS (SELECT FROM claimed))
"""

_READ = """
    SELECT false, fingerprint, extract(epoch FROM clock_timestamp() - claimed_at)::float8,
        status, headers, body
    FROM {table} WHERE id = :id AND ends_at > clock_timestamp()
"""

_RENEW = """
    UPDATE {table} SET ends_at = clock_timestamp() + make_interval(secs => :lease)
    WHERE id = :id AND token = :token AND status IS NULL RETURNING true
"""

RECORD = """
    UPDATE {table} SET status = :status, headers = :headers, body = :body,
        ends_at = clock_timestamp() + make_interval(secs => :ttl)
    WHERE id = :id AND token = :token AND status IS NULL RETURNING true
"""
"""Keeps the answer of a claim that has none."""

# The first answer stays. If the application recorded it, this writes nothing.
_COMPLETE = """
    WITH recorded AS ({record})
    SELECT true FROM recorded
    UNION ALL
    SELECT true FROM {table} WHERE id = :id AND token = :token AND status IS NOT NULL
"""

_RELEASE = "DELETE FROM {table} WHERE id = :id AND token = :token AND status IS NULL RETURNING true"

# Not `clock_timestamp()`, which no index can serve. As an array, so that the keys are found by their index.
_PRUNE = """
    DELETE FROM {table} WHERE id = ANY (ARRAY(
        SELECT id FROM {table} WHERE ends_at <= statement_timestamp()
        ORDER BY ends_at LIMIT :limit FOR UPDATE SKIP LOCKED
    )) RETURNING true
"""

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,40}")


class Plans:
    """The plans, for one table.

    Args:
        table: its name, which may begin with a schema and a dot.

    Attributes:
        table: the same.
        schema: the statements that make it.
        record: for `complete_in`, with parameters as in `:name`.

    Raises:
        DeclarationError: it is no name in lower case.
    """

    def __init__(self, table: str):
        parts = table.split(".")
        if len(parts) > 2 or not all(_NAME.fullmatch(part) for part in parts):
            raise DeclarationError(
                f"table {table!r} must be a name of at most 41 letters a-z, digits and _, or schema.name"
            )
        self.table = table
        self.schema = tuple(statement.format(table=table, name=parts[-1]) for statement in SCHEMA)
        read, self.record = _READ.format(table=table), RECORD.format(table=table)
        self._read = for_psycopg(read)
        self._claim = for_psycopg(_CLAIM.format(table=table, read=read))
        self._renew = for_psycopg(_RENEW.format(table=table))
        self._complete = for_psycopg(_COMPLETE.format(table=table, record=self.record))
        self._release = for_psycopg(_RELEASE.format(table=table))
        self._prune = for_psycopg(_PRUNE.format(table=table))

    def claim(self, claim: Claimed, fingerprint: bytes, collect: bool) -> Plan[Outcome]:
        """Takes the key for `claim`. `collect`: deletes some of what has ended first."""
        if collect:
            yield self._prune, {"limit": PASSING}
        values = {
            **_of(claim),
            "key": legible(claim.key),
            "fingerprint": fingerprint,
            "lease": claim.lease,
        }
        while True:
            try:
                rows = yield self._claim, values
            except LockNotAvailable:  # the application's transaction, which records the answer, is still open
                rows = yield self._read, values
            for won, known, age, status, headers, body in rows:
                if won:
                    return claim
                if known != fingerprint:
                    return Mismatch()
                if status is None:
                    return InFlight(max(age, 0.0))
                return Replay(StoredResponse(status, headers_from_text(headers), body))

    def renew(self, claim: Claimed) -> Plan[bool]:
        try:
            rows = yield self._renew, {**_of(claim), "lease": claim.lease}
        except LockNotAvailable:  # as above: until it ends nobody can take the key
            return True
        return bool(rows)

    def complete(self, claim: Claimed, response: StoredResponse) -> Plan[bool]:
        rows = yield self._complete, answered(claim, response)
        return bool(rows)

    def release(self, claim: Claimed) -> Plan[None]:
        yield self._release, _of(claim)

    def prune(self) -> Plan[int]:
        deleted = 0
        while True:
            rows = yield self._prune, {"limit": BATCH}
            deleted += len(rows)
            if len(rows) < BATCH:
                return deleted


def for_psycopg(statement: str) -> str:
    """The statement with parameters as psycopg writes them."""
    return re.sub(r"(?<!:):([a-z]+)", r"%(\1)s", statement)


def answered(claim: Claimed, response: StoredResponse) -> dict[str, Any]:
    """The parameters of what records an answer."""
    return {
        **_of(claim),
        "ttl": claim.ttl,
        "status": response.status,
        "headers": headers_to_text(response),
        "body": response.body,
    }


def _of(claim: Claimed) -> dict[str, Any]:
    return {"id": digest_of(claim.key), "token": claim.token}
