"""Faults on purpose, and what they cost. `build.py faults` runs it.

--server          kill processes of a site while they carry out keyed effects
--store NAME      with this store only: sqlite, postgres or redis
--rounds N        kills, with 40 keys for each (100)
--seed N          of the moments (0)
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from building.databases import POSTGRES, REDIS
from tests.server.databases import PostgresServer, RedisServer

from .kills import Report, kill_processes
from .sites import MODES

_SERVERS = {"postgres": (POSTGRES, PostgresServer), "redis": (REDIS, RedisServer)}


@contextmanager
def database(store: str) -> Iterator[str]:
    """The address of an empty database, which ends with the block."""
    if store in _SERVERS:
        server = _SERVERS[store][1]()
        try:
            yield server.url
        finally:
            server.close()
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield str(Path(folder) / "site.sqlite3")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="build.py faults")
    parser.add_argument("--server", action="store_true", required=True, help="kill processes of a site")
    parser.add_argument("--store", choices=list(MODES), help="with this store only")
    parser.add_argument("--rounds", type=int, default=100, help="kills, with 40 keys for each")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args(arguments)
    broken = False
    print("store     mode          keys  kills  duplicated  lost  seconds")
    for store in [options.store] if options.store else list(MODES):
        if store in _SERVERS and _SERVERS[store][0].find() is None:
            print(f"{store:9} {_SERVERS[store][0].name} is not installed")
            continue
        for mode in MODES[store]:
            with database(store) as address:
                report = kill_processes(store, address, mode, options.rounds, options.seed)
            print(_line(store, mode, report), flush=True)
            broken |= report.lost > 0 or (mode == "transaction" and report.duplicated > 0)
    if broken:
        print("A promise was broken: an effect was lost, or happened twice in a transaction.")
    return int(broken)


def _line(store: str, mode: str, report: Report) -> str:
    return (
        f"{store:9} {mode:11} {report.keys:6} {report.kills:6} {report.duplicated:11} {report.lost:5} "
        f"{report.seconds:8.1f}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
