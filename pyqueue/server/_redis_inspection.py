"""Looking at the keys of a Redis store."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import redis

from ._headers import headers_from_text
from ._redis_scripts import FORGET
from .inspection import KeyRecord
from .stores import StoredResponse

_PATTERN = re.compile(rb"[*?\[\]\\^]")


class RedisInspection:
    """Implements `Inspection`, by SCAN: the server looks at about `page` of all its keys at once.

    Args:
        connect: makes a client.
        prefix: what the names of the store's keys begin with.
        page: keys that the server looks at, at once.
    """

    errors: tuple[type[Exception], ...] = (redis.RedisError,)

    def __init__(self, connect: Callable[[], Any], prefix: str, page: int):
        self._client = connect()
        self._prefix = prefix.encode("utf-8", "surrogatepass")
        self._page = page

    def records(self, key: str | None = None) -> Iterator[KeyRecord]:
        """See `Inspection.records`."""
        pattern = _literal(self._prefix) + b"*" + (b"" if key is None else _literal(b"\n" + key.encode()))
        seen: set[int] = set()  # SCAN may name a key twice.
        cursor = 0
        while True:
            cursor, ids = self._client.scan(cursor, match=pattern, count=self._page, _type="hash")
            new = [id_ for id_ in dict.fromkeys(ids) if hash(id_) not in seen]
            seen.update(map(hash, new))
            yield from self._read(new)
            if cursor == 0:
                return

    def find(self, name: str) -> KeyRecord | None:
        """See `Inspection.find`."""
        return next(self._read([self._prefix + name.encode("utf-8", "surrogatepass")]), None)

    def answer(self, record: KeyRecord) -> StoredResponse | None:
        """See `Inspection.answer`."""
        token, status, headers, body = self._client.hmget(record.id, "token", "status", "headers", "body")
        if token != record.token.encode() or status is None:
            return None
        return StoredResponse(int(status), headers_from_text(headers), body)

    def forget(self, record: KeyRecord) -> bool:
        """See `Inspection.forget`."""
        arguments = [record.token, int(record.status is not None), int(record.protects)]
        return bool(self._client.register_script(FORGET)(keys=[record.id], args=arguments))

    def close(self) -> None:
        """See `Inspection.close`."""
        self._client.close()

    def _read(self, ids: list[bytes]) -> Iterator[KeyRecord]:
        if not ids:
            return
        with self._client.pipeline(transaction=False) as pipeline:
            pipeline.time()
            for id_ in ids:
                pipeline.hmget(id_, "token", "claimed_at", "ends_at", "status")
                pipeline.hstrlen(id_, "body")
            (seconds, microseconds), *replies = pipeline.execute()
        now = seconds + microseconds / 1e6
        for id_, (token, claimed_at, ends_at, status), size in zip(
            ids, replies[::2], replies[1::2], strict=True
        ):
            if token is not None:  # Else it ended since.
                yield KeyRecord(
                    name=id_.removeprefix(self._prefix).decode("utf-8", "surrogatepass"),
                    id=id_,
                    token=token.decode(),
                    age=max(now - int(claimed_at) / 1000, 0.0),
                    left=int(ends_at) / 1000 - now,
                    status=None if status is None else int(status),
                    size=size,
                )


def _literal(name: bytes) -> bytes:
    """A pattern that matches a name alone."""
    return _PATTERN.sub(rb"\\\g<0>", name)
