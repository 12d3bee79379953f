"""`python -m pyqueue keys`: looks up idempotency keys in a store, counts them, and forgets some."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator

from .._errors import DeclarationError
from . import protocol
from .inspection import Inspection, KeyRecord, State
from .key_lines import body_lines, line, members, seconds_of
from .store_urls import store_at

_STORE = "PYQUEUE_STORE"

_ONE = (
    "This key still protects: if the client sends it again, its effect happens again. Nothing was changed; "
    "repeat with --force to forget it. An attempt that is running is not stopped by that."
)
_SEVERAL = (
    "Of {meant} keys {protecting} still protect: if a client sends one of these again, its effect happens "
    "again. Nothing was changed; repeat with --force to forget them all, or with --ended those that do not "
    "protect any more."
)


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    add_store(parser)
    add_actions(parser)


def add_store(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that say which store."""
    parser.add_argument(
        "--store",
        metavar="URL|FILE",
        default=os.environ.get(_STORE),
        help=f"a file, sqlite:///FILE, redis://… or postgresql://…; by default ${_STORE}",
    )
    parser.add_argument("--table", help="of a PostgreSQL store, if not the default")
    parser.add_argument("--prefix", help="of a Redis store, if not the default")
    parser.set_defaults(run=run)


def add_actions(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that say what to do, for `act`."""
    actions = parser.add_subparsers(dest="action", required=True)

    look = actions.add_parser("look", help="what is known of one key")
    look.add_argument("key", metavar="KEY", help="as the client sent it")
    look.add_argument("--body", action="store_true", help="show headers and body of the answer too")

    every = actions.add_parser("list", help="the keys, one in a line")
    every.add_argument("--state", choices=[state.value for state in State], help="only those")
    every.add_argument("--limit", type=int, default=100, metavar="N", help="at most so many (100)")

    count = actions.add_parser("count", help="how many keys there are in each state")

    purge = actions.add_parser("purge", help="forget keys")
    purge.add_argument("key", metavar="KEY", nargs="?", help="as the client sent it")
    purge.add_argument("--ended", action="store_true", help="those that protect nothing any more")
    purge.add_argument(
        "--force", action="store_true", help="also those that keep an effect from happening again"
    )
    for action in (look, every, count, purge):
        action.add_argument("--host", help="only of this host")
        action.add_argument("--principal", metavar="NAME", help="only of this principal; '': of nobody")
        if action is not look:
            action.add_argument(
                "--older-than",
                type=_seconds,
                metavar="TIME",
                help="only claimed longer ago: 90s, 12h, 7d",
            )
        if action in (look, every):
            action.add_argument("--json", action="store_true", help="a JSON object in each line")


def run(options: argparse.Namespace) -> int:
    """Does it and returns the exit status: 1 if there is no such key, or it was not done.

    Raises:
        DeclarationError: the arguments do not fit together, or the store cannot be used.
        ImportError: the store's library is not installed.
    """
    if not options.store:
        raise DeclarationError(f"which store? Give --store, or set {_STORE}")
    store = store_at(options.store, table=options.table, prefix=options.prefix)
    return act(store.inspection(), options)


def act(inspection: Inspection, options: argparse.Namespace) -> int:
    """Does what the options of `add_actions` say, closes the inspection and returns the exit status.

    Raises:
        DeclarationError: the arguments do not fit together, or the store cannot be used.
    """
    try:
        match options.action:
            case "look":
                return _look(inspection, options)
            case "list":
                return _list(inspection, options)
            case "count":
                return _count(inspection, options)
            case _:
                return _purge(inspection, options)
    except inspection.errors as error:
        raise DeclarationError(f"the store cannot be used: {error}") from error
    finally:
        inspection.close()


def _look(inspection: Inspection, options: argparse.Namespace) -> int:
    records = list(_chosen(inspection, options))
    for record in records:
        answer = inspection.answer(record) if options.body else None
        if options.json:
            print(json.dumps(members(record, answer)))
        else:
            print("\n".join([line(record), *(body_lines(answer) if answer else ())]))
    if not records:
        print("There is no such key: it was never used here, was released, or has ended.", file=sys.stderr)
    return 0 if records else 1


def _list(inspection: Inspection, options: argparse.Namespace) -> int:
    shown = 0
    for record in _chosen(inspection, options):
        if options.state not in (None, record.state.value):
            continue
        if shown == options.limit:
            print(f"There are more than {shown}; give --limit.", file=sys.stderr)
            break
        print(json.dumps(members(record, None)) if options.json else line(record))
        shown += 1
    return 0


def _count(inspection: Inspection, options: argparse.Namespace) -> int:
    counts = Counter(record.state for record in _chosen(inspection, options))
    for state in State:
        print(f"{state.value}: {counts[state]}")
    return 0


def _purge(inspection: Inspection, options: argparse.Namespace) -> int:
    by_filter = options.principal is not None or options.older_than is not None or options.host is not None
    if options.key is None and not options.ended and not by_filter:
        raise DeclarationError("which keys? Give KEY, --ended, --principal, --host or --older-than")
    if options.key is not None:
        return _forget_one(inspection, options)
    if not options.force and not options.ended:
        found = Counter(record.protects for record in _chosen(inspection, options))
        if found[True]:
            print(_SEVERAL.format(meant=found.total(), protecting=found[True]), file=sys.stderr)
            return 1
    only_ended = options.ended or not options.force
    return _forget(inspection, _chosen(inspection, options), only_ended=only_ended)


def _forget_one(inspection: Inspection, options: argparse.Namespace) -> int:
    records = [record for record in _chosen(inspection, options) if not (options.ended and record.protects)]
    for record in records:
        print(line(record))
    if len(records) != 1:
        print(
            f"{len(records)} keys are called so: give --host and --principal of one."
            if records
            else "There is no such key.",
            file=sys.stderr,
        )
        return 1
    if records[0].protects and not options.force:
        print(_ONE, file=sys.stderr)
        return 1
    return _forget(inspection, iter(records), only_ended=False)


def _forget(inspection: Inspection, records: Iterator[KeyRecord], *, only_ended: bool) -> int:
    done = Counter(inspection.forget(record) for record in records if not (only_ended and record.protects))
    print(f"Forgotten: {done[True]}")
    if done[False]:
        print(f"Left, because they changed meanwhile: {done[False]}", file=sys.stderr)
    return 0


def _chosen(inspection: Inspection, options: argparse.Namespace) -> Iterator[KeyRecord]:
    """The keys that the options describe. Of a key with host and principal only that one is read."""
    key = None if getattr(options, "key", None) is None else _unquoted(options.key)
    host = None if options.host is None else protocol.without_port(options.host.lower())
    older_than = getattr(options, "older_than", None) or 0.0
    if key is not None and host is not None and options.principal is not None:
        record = inspection.find(protocol.scoped(host, options.principal or None, key))
        records = iter(() if record is None else (record,))
    else:
        records = inspection.records(key)
    return (
        record
        for record in records
        if (host is None or record.host == host)
        and (options.principal is None or record.principal == (options.principal or None))
        and record.age >= older_than
    )


def _unquoted(key: str) -> str:
    """A key as it stands in the header, or without its quotes."""
    return protocol.parse_key(key.encode()) if key.startswith('"') else key


def _seconds(text: str) -> float:
    try:
        return seconds_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
