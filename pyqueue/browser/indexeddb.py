"""The store port over IndexedDB; docs/architecture.md describes the records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from js import IDBKeyRange
from pyodide.ffi import JsProxy, create_once_callable, to_js

from .._errors import OwnershipLost, StoreError
from .._ports import Changes, Command, Query
from .._record import JobRecord, decode, encode
from .convert import JsPayload, plain_to_js, value_to_js
from .database import Database

COMMAND_FIELDS = ("seq", "type", "at")


class IndexedDBStore:
    """Implements `pyqueue._ports.Store`.

    Args:
        bridge: worker/bridge.js.
    """

    def __init__(self, bridge: Any):
        self._bridge = bridge
        self._database = Database(bridge)
        self._epoch = 0

    async def take_over(self, now: float) -> Mapping[str, Any]:
        """See `Store.take_over`."""
        epoch = 0

        def fire(transaction: Any) -> Sequence[Any]:
            meta = transaction.objectStore("meta")
            reading = meta.get("owner")

            def raise_epoch(_event: Any) -> None:
                nonlocal epoch
                epoch = _epoch_of(reading.result) + 1
                meta.put(_named("owner", {"epoch": epoch, "beat_at": now}))

            reading.onsuccess = create_once_callable(raise_epoch)
            return [meta.getAll()]

        (records,) = await self._database.run(["meta"], "readwrite", fire)
        self._epoch = epoch
        named = {record["name"]: record["value"] for record in self._read(records)[0]}
        return {**named, "owner": {"epoch": epoch, "beat_at": now}}

    async def inbox(self, limit: int) -> Sequence[Command]:
        """See `Store.inbox`."""
        (records,) = await self._database.run(
            ["inbox"], "readonly", lambda transaction: [transaction.objectStore("inbox").getAll(None, limit)]
        )
        return [_command(record, payload) for record, payload in zip(*self._read(records), strict=True)]

    async def load(self, query: Query) -> Sequence[JobRecord]:
        """See `Store.load`."""
        lists = await self._database.run(
            ["jobs"], "readonly", lambda transaction: _select(transaction, query)
        )
        found: dict[int, JobRecord] = {}
        for records in lists:
            for record, payload in zip(*self._read(records), strict=True):
                if record["seq"] not in found:
                    found[record["seq"]] = decode({**record, "payload": JsPayload(payload)})
        return [found[seq] for seq in sorted(found)]

    async def next_due(self) -> float | None:
        """See `Store.next_due`."""
        (keys,) = await self._database.run(
            ["jobs"], "readonly", lambda transaction: [_index(transaction, "due").getAll(None, 1)]
        )
        return float(keys[0].due) if len(keys) else None

    async def commit(self, changes: Changes, now: float) -> None:
        """See `Store.commit`."""
        overtaken = False
        jobs = self._write(changes.jobs)

        def fire(transaction: Any) -> Sequence[Any]:
            meta = transaction.objectStore("meta")
            reading = meta.get("owner")

            def check(_event: Any) -> None:
                nonlocal overtaken
                overtaken = _epoch_of(reading.result) > self._epoch
                if overtaken:
                    transaction.abort()

            reading.onsuccess = create_once_callable(check)
            for record in jobs:
                transaction.objectStore("jobs").put(record)
            for seq in changes.deleted:
                transaction.objectStore("jobs").delete(seq)
            for seq in changes.taken:
                transaction.objectStore("inbox").delete(seq)
            for name, value in changes.meta.items():
                meta.put(_named(name, value))
            # Requests run in order: after an abort this one, like all above, has not happened.
            meta.put(_named("owner", {"epoch": self._epoch, "beat_at": now}))
            return []

        stores = ["meta", "jobs", "inbox"]
        try:
            await self._database.run(stores, "readwrite", fire)
        except Exception:
            if overtaken:
                raise OwnershipLost(f"another owner has raised the epoch above {self._epoch}") from None
            raise

    async def beat_at(self) -> float:
        """When the queue's owner last showed that it is alive, Unix time in seconds; 0: there is none."""
        (record,) = await self._database.run(
            ["meta"], "readonly", lambda transaction: [transaction.objectStore("meta").get("owner")]
        )
        return float(record.value.beat_at) if record else 0.0

    async def claim(self, now: float, *, silent_since: float) -> bool:
        """Becomes the owner, at the present epoch, if the last sign of an owner is older than that.

        Of several that try at a time, one succeeds.

        Args:
            now: Unix time in seconds; this claim is the new owner's first sign.
            silent_since: Unix time in seconds.
        """
        claimed = False

        def fire(transaction: Any) -> Sequence[Any]:
            meta = transaction.objectStore("meta")
            reading = meta.get("owner")

            def take(_event: Any) -> None:
                nonlocal claimed
                owner = reading.result
                claimed = not owner or owner.value.beat_at <= silent_since
                if claimed:
                    self._epoch = _epoch_of(owner)
                    meta.put(_named("owner", {"epoch": self._epoch, "beat_at": now}))

            reading.onsuccess = create_once_callable(take)
            return []

        await self._database.run(["meta"], "readwrite", fire)
        return claimed

    def _read(self, records: Any) -> tuple[list[dict[str, Any]], list[Any]]:
        """The plain parts of records, and their payloads (`None`: it has none)."""
        parted = self._bridge.part(records)
        return json.loads(parted.text), list(parted.payloads)

    def _write(self, jobs: Sequence[JobRecord]) -> list[Any]:
        """The records of jobs, with the payload objects that they were read with."""
        records = [encode(job) for job in jobs]
        payloads = [value_to_js(record.pop("payload")) for record in records]
        try:
            written = list(plain_to_js(records))
        except (TypeError, ValueError) as cause:
            raise StoreError(f"a job's record cannot be stored: {cause}") from cause
        for record, payload in zip(written, payloads, strict=True):
            record.payload = payload
        return written


def _select(transaction: Any, query: Query) -> list[Any]:
    """One request for each part of the query."""
    requests = [_index(transaction, "id").getAll(id_) for id_ in query.ids]
    requests += [_index(transaction, "unique_key").getAll(key) for key in query.unique_keys]
    if query.due_limit:
        due = IDBKeyRange.upperBound(to_js([query.due_before, inf]))
        requests.append(_index(transaction, "due").getAll(due, query.due_limit))
    for key in query.heads:
        order = _index(transaction, "order")
        requests.append(order.getAll(_range([key, 0], [key, inf]), query.heads_depth))
    if query.status is not None:
        status = _range([query.status.value, 0], [query.status.value, inf])
        requests.append(_getall(_index(transaction, "status"), status, query.status_limit))
    if query.settled is not None:
        ended, before, limit = query.settled
        span = _range([ended.value, 0], [ended.value, before], before_upper=True)
        requests.append(_index(transaction, "retained").getAll(span, limit))
    return requests


def _getall(index: Any, span: Any, limit: int | None) -> Any:
    return index.getAll(span) if limit is None else index.getAll(span, limit)


def _index(transaction: Any, name: str) -> Any:
    return transaction.objectStore("jobs").index(name)


def _range(lower: list[Any], upper: list[Any], *, before_upper: bool = False) -> Any:
    return IDBKeyRange.bound(to_js(lower), to_js(upper), False, before_upper)


def _named(name: str, value: Any) -> Any:
    return plain_to_js({"name": name, "value": value})


def _epoch_of(owner: Any) -> int:
    """The epoch in the record `owner`; 0 where there is none yet."""
    return int(owner.value.epoch) if owner else 0


def _command(record: dict[str, Any], payload: Any) -> Command:
    fields = {name: value for name, value in record.items() if name not in COMMAND_FIELDS}
    if isinstance(payload, JsProxy):  # A damaged record may have anything there; the engine passes it over.
        fields["payload"] = JsPayload(payload)
    return Command(record["seq"], str(record.get("type")), float(record.get("at") or 0), fields)
