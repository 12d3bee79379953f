"""The store port over IndexedDB; docs/architecture.md describes the records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from math import inf
from typing import Any

from js import IDBKeyRange
from pyodide.ffi import JsProxy, create_once_callable, to_js

from .._epoch import epoch_after
from .._errors import InvalidPayload, OwnershipLost, StoreError
from .._ports import Changes, Loaded, Query, Unreadable
from .._record import encode, is_number
from .convert import payload_of, plain_to_js, value_to_js
from .database import Database

PAYLOADS = ("payload", "edit_payload")
"""Fields that stay the JavaScript objects they are."""


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
                epoch = epoch_after(_sign(reading.result, "epoch"))
                meta.put(_named("owner", {"epoch": epoch, "beat_at": now}))

            reading.onsuccess = create_once_callable(raise_epoch)
            return [meta.getAll()]

        (records,) = await self._database.run(["meta"], "readwrite", fire)
        self._epoch = epoch
        split = self._bridge.splitRecords(records, to_js([0] * len(records)))
        read = [record for record in json.loads(split.text) if isinstance(record.get("name"), str)]
        named = {record["name"]: record.get("value") for record in read}
        return {**named, "owner": {"epoch": epoch, "beat_at": now}}

    async def load(self, query: Query) -> Loaded:
        """See `Store.load`. Records at keys that no command and no job can have are set aside."""
        while True:
            loaded, strays = await self._load(query)
            if not strays:
                return loaded
            await self._set_aside(strays)

    async def _load(self, query: Query) -> tuple[Loaded, Mapping[str, Any]]:
        """What the query finds, and by store the keys of what is none of it."""
        reads_inbox = query.inbox_after is not None
        stores = [*(["inbox"] if reads_inbox else []), *(["jobs"] if _names_jobs(query) else [])]
        if not stores:
            return Loaded(), {}

        def fire(transaction: Any) -> Sequence[Any]:
            requests = _select(transaction, query) if "jobs" in stores else []
            if reads_inbox:
                # From the beginning: there may be anything before the first number too.
                begins = query.inbox_after is None or query.inbox_after <= 0
                after = None if begins else IDBKeyRange.lowerBound(query.inbox_after, True)
                requests += _both(transaction.objectStore("inbox"), after, query.inbox_limit)
            return requests

        lists = await self._database.run(stores, "readonly", fire)
        unreadable: list[Unreadable] = []
        strays: dict[str, Any] = {}
        commands: list[Mapping[str, Any]] = []
        if reads_inbox:
            *lists, records, keys = lists
            commands = self._read("inbox", records, keys, unreadable, strays)
        found: dict[int, Mapping[str, Any]] = {}
        for records, keys in zip(lists[::2], lists[1::2], strict=True):
            for record in self._read("jobs", records, keys, unreadable, strays):
                found.setdefault(record["seq"], record)
        twice = {(one.source, one.seq): one for one in unreadable}
        return Loaded(commands, [found[seq] for seq in sorted(found)], list(twice.values())), strays

    async def _set_aside(self, strays: Mapping[str, Any]) -> None:
        """Moves records to `aside`. Whoever does it first does it: it needs no ownership."""

        def fire(transaction: Any) -> Sequence[Any]:
            for source, keys in strays.items():
                self._bridge.setStraysAside(transaction, source, keys)
            return []

        await self._database.run([*strays, "aside"], "readwrite", fire)

    async def commit(self, changes: Changes, now: float) -> None:
        """See `Store.commit`."""
        text, payloads = self._text_of(changes, now)
        check: Any = None

        def fire(transaction: Any) -> Sequence[Any]:
            nonlocal check
            check = self._bridge.write(transaction, text, payloads)
            return []

        try:
            await self._database.run(_written(changes), "readwrite", fire)
        except Exception:
            if check is not None and check.overtaken:
                raise OwnershipLost(f"another owner has raised the epoch above {self._epoch}") from None
            raise

    async def beat_at(self) -> float:
        """When the queue's owner last showed that it is alive, Unix time in seconds; 0: there is none."""
        (record,) = await self._database.run(
            ["meta"], "readonly", lambda transaction: [transaction.objectStore("meta").get("owner")]
        )
        return float(_sign(record, "beat_at"))

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
                claimed = _sign(owner, "beat_at") <= silent_since
                if claimed:
                    # Of the last owner: whoever takes over next comes after it.
                    self._epoch = epoch_after(_sign(owner, "epoch")) - 1
                    meta.put(_named("owner", {"epoch": self._epoch, "beat_at": now}))

            reading.onsuccess = create_once_callable(take)
            return []

        await self._database.run(["meta"], "readwrite", fire)
        return claimed

    def _read(
        self, source: str, records: Any, keys: Any, unreadable: list[Unreadable], strays: dict[str, Any]
    ) -> list[Mapping[str, Any]]:
        """Records as mappings, their payloads as views; adds to `unreadable` and `strays` what cannot be
        handed over."""
        split = self._bridge.splitRecords(records, keys)
        if split.strays.length:
            strays[source] = split.strays
        unreadable += [Unreadable(source, int(key), str(reason)) for key, reason in split.unreadable]
        read: list[Mapping[str, Any]] = json.loads(split.text)
        for record, payload, edit in zip(read, split.payloads, split.edits, strict=True):
            assert isinstance(record, dict)
            for name, value in zip(PAYLOADS, (payload, edit), strict=True):
                if isinstance(value, JsProxy):
                    # One that is neither a payload nor an encrypted one is left out: the record is damaged.
                    with suppress(InvalidPayload):
                        record[name] = payload_of(value)
        return read

    def _text_of(self, changes: Changes, now: float) -> tuple[str, Any]:
        """What worker/records.js writes: JSON, and the payload objects that the jobs were read with."""
        records = [encode(job) for job in changes.jobs]
        payloads = [
            [at, name, value_to_js(record.pop(name))]
            for at, record in enumerate(records)
            for name in PAYLOADS
            if name in record
        ]
        whole = {
            "epoch": self._epoch,
            "now": now,
            "jobs": records,
            "deleted": changes.deleted,
            "taken": changes.taken,
            "aside": [asdict(aside) for aside in changes.aside],
            "meta": changes.meta,
        }
        try:
            return json.dumps(whole, allow_nan=False), to_js(payloads)
        except (TypeError, ValueError) as cause:
            raise StoreError(f"what changed cannot be stored: {cause}") from cause


def _written(changes: Changes) -> list[str]:
    """The stores that a commit opens: no page waits for it but for what it writes."""
    sources = {aside.source for aside in changes.aside}
    return [
        "meta",
        *(["jobs"] if changes.jobs or changes.deleted or "jobs" in sources else []),
        *(["inbox"] if changes.taken or "inbox" in sources else []),
        *(["aside"] if sources else []),
    ]


def _names_jobs(query: Query) -> bool:
    return bool(
        query.ids
        or query.unique_keys
        or query.due_after is not None
        or query.late
        or query.lines
        or query.status
        or query.mine
        or query.backoff
        or query.retained
    )


def _select(transaction: Any, query: Query) -> list[Any]:
    """Two requests for each part of the query: records, and their keys."""
    requests: list[Any] = []

    def select(name: str, span: Any, limit: int | None = None) -> None:
        requests.extend(_both(transaction.objectStore("jobs").index(name), span, limit))

    for job_id in query.ids:
        select("id", IDBKeyRange.only(job_id))
    for key in query.unique_keys:
        select("unique_key", IDBKeyRange.only(key))
    if query.due_after is not None:
        select("due", _due_range(query.principal, query.due_after), query.due_limit)
    if query.late is not None:
        place, limit = query.late
        select("due", _due_range(query.principal, place), limit)
    for key, after in query.lines.items():
        select("order", _range([key, after], [key, inf]), query.line_depth)
    if query.status is not None:
        status, after, limit = query.status
        select("status", _range([status.value, after], [status.value, inf]), limit)
    if query.mine is not None:
        principal, status, after, limit = query.mine
        select("mine", _range([principal, status.value, after], [principal, status.value, inf]), limit)
    if query.backoff is not None:
        kind, after, limit = query.backoff
        select("backoff", _range([kind, after], [kind, inf]), limit)
    for group, before, limit in query.retained:
        select("retained", _range([group, -inf], [group, before]), limit)
    return requests


def _both(source: Any, span: Any, limit: int | None) -> list[Any]:
    if limit is None:
        return [source.getAll(span), source.getAllKeys(span)]
    return [source.getAll(span, limit), source.getAllKeys(span, limit)]


def _due_range(principal: str, place: tuple[float, int]) -> Any:
    return IDBKeyRange.bound(to_js([principal, *place]), to_js([principal, []]), True, True)


def _range(above: list[Any], below: list[Any]) -> Any:
    return IDBKeyRange.bound(to_js(above), to_js(below), True, True)


def _named(name: str, value: Any) -> Any:
    return plain_to_js({"name": name, "value": value})


def _sign(owner: Any, name: str) -> float:
    """A number in the record `owner`; 0 where there is none."""
    value = getattr(getattr(owner, "value", None), name, 0)
    return value if is_number(value) else 0
