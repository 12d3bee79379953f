"""The case `server`: requests a second of one application, alone and behind each layer and store."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from building import databases
from building.paths import ROOT
from tests.bench.contenders import Invalid
from tests.bench.layers import IDEMKIT, MEMORY, NO_LAYER, POSTGRES, REDIS, SQLITE
from tests.bench.report import PYQUEUE, Row
from tests.server.databases import PostgresServer, RedisServer

CLIENTS = (1, 8)
SECONDS = 1.5
"""For which each contender is measured in each round, with each number of clients."""

IN_MEMORY = "idemkit in memory"
"""Its store for one process, of which nothing is left after it: beside SQLite, which it has no store for."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A layer on a store, and where that is.

    Attributes:
        rows: the stores in whose rows it stands.
        name: there.
    """

    layer: str
    store: str
    url: str
    rows: tuple[str, ...]
    name: str


class Server:
    """A uvicorn process that serves a contender's application."""

    def __init__(self, contender: Contender) -> None:
        environment = {
            **os.environ,
            "BENCH_LAYER": contender.layer,
            "BENCH_STORE": contender.store,
            "BENCH_URL": contender.url,
        }
        command = [sys.executable, "-m", "uvicorn", "--factory", "tests.bench.layers:create"]
        self._process = subprocess.Popen(
            [*command, "--port", "0", "--no-access-log"],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            said.append(line)
            if running := re.search(r"running on http://127\.0\.0\.1:(\d+)", line):
                self._port = running[1]
                return
        raise RuntimeError("".join(said))

    def measure(self, clients: int, keys: str) -> float:
        """Requests a second. `keys`: see `load`.

        Raises:
            Invalid: an answer was not the application's.
        """
        command = [sys.executable, "-m", "tests.bench.load", self._port, str(clients), str(SECONDS), keys]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise Invalid(done.stderr.strip())
        return float(done.stdout)

    def close(self) -> None:
        """Ends the process."""
        self._process.terminate()
        self._process.communicate()


def throughput(rounds: int) -> Iterator[Row]:
    """A row for each store and number of clients, with fresh keys and with replays.

    All servers run all the time and are asked one after the other; who comes first changes from round to
    round. Where a database server, or what idemkit needs for one, is not installed, its figures are missing
    and a line says so.
    """
    rows: dict[tuple[str, str, int], Row] = {}
    with ExitStack() as ends:
        contenders = list(_contenders(ends))
        servers = {contender: Server(contender) for contender in contenders}
        for server in servers.values():
            ends.callback(server.close)
        for round in range(rounds):
            first = round % len(contenders)
            for contender in [*contenders[first:], *contenders[:first]]:
                for clients in CLIENTS:
                    for keys in ("fresh", "same"):
                        try:
                            rate = servers[contender].measure(clients, keys)
                        except Invalid as invalid:
                            print(f"{contender.name}, {contender.store}: {invalid}", flush=True)
                            continue
                        for store in contender.rows:
                            row = rows.setdefault((keys, store, clients), _row(keys, store, clients))
                            row.add(contender.name, rate)
    for place in sorted(rows):
        if PYQUEUE in rows[place].values:
            yield rows[place]


def _contenders(ends: ExitStack) -> Iterator[Contender]:
    databases.ensure_databases()
    yield Contender(NO_LAYER, "", "", (SQLITE, REDIS, POSTGRES), NO_LAYER)
    folder = ends.enter_context(tempfile.TemporaryDirectory())
    yield Contender(PYQUEUE, SQLITE, str(Path(folder) / "keys.sqlite3"), (SQLITE,), PYQUEUE)
    yield Contender(IDEMKIT, MEMORY, "", (SQLITE,), IN_MEMORY)
    if databases.REDIS.find():
        redis = RedisServer()
        ends.callback(redis.close)
        for layer in (PYQUEUE, IDEMKIT):
            yield Contender(layer, REDIS, redis.url, (REDIS,), layer)
    else:
        print("Redis is not installed: nothing is measured with it", flush=True)
    if databases.POSTGRES.find():
        postgres = PostgresServer()
        ends.callback(postgres.close)
        yield Contender(PYQUEUE, POSTGRES, postgres.url, (POSTGRES,), PYQUEUE)
        if importlib.util.find_spec("asyncpg"):
            command = [sys.executable, "-m", "idemkit.cli", "init-pg", postgres.url]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            yield Contender(IDEMKIT, POSTGRES, postgres.url, (POSTGRES,), IDEMKIT)
        else:
            print("asyncpg is not installed: idemkit is not measured with PostgreSQL", flush=True)
    else:
        print("PostgreSQL is not installed: nothing is measured with it", flush=True)


def _row(keys: str, store: str, clients: int) -> Row:
    reach = {}
    if keys == "fresh":
        reach = {NO_LAYER: 0.3} if store == SQLITE and clients == 8 else {}
        reach |= {IDEMKIT: 1.0} if store in (REDIS, POSTGRES) else {}
    name = f"server_{store}_{clients}" + ("" if keys == "fresh" else "_replayed")
    return Row(name, "requests a second", reach, more_is_better=True)
