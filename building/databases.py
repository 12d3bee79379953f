"""The database servers that the tests of the idempotency stores start."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from .debian import can_install, install
from .process import Failure, say


@dataclass(frozen=True, slots=True)
class Database:
    """A database server.

    Attributes:
        name: as people write it.
        programs: that it is started with: for each, patterns of absolute paths.
        packages: of Debian that bring them.
    """

    name: str
    programs: tuple[tuple[str, ...], ...]
    packages: tuple[str, ...]

    def find(self) -> list[Path] | None:
        """Its programs, if all are there; of several versions the newest."""
        found = [_newest(patterns) for patterns in self.programs]
        return None if None in found else [path for path in found if path is not None]


REDIS = Database("Redis", (("redis-server", "valkey-server"),), ("redis-server",))
POSTGRES = Database(
    "PostgreSQL",
    (("initdb", "/usr/lib/postgresql/*/bin/initdb"), ("postgres", "/usr/lib/postgresql/*/bin/postgres")),
    ("postgresql",),
)
DATABASES = (REDIS, POSTGRES)


def ensure_databases() -> None:
    """The servers, where Debian's packages can be installed; elsewhere their tests are skipped."""
    for database in DATABASES:
        if database.find() is None and can_install():
            try:
                install(database.name, database.packages, f"The tests with {database.name} will be skipped.")
            except Failure as failure:
                say(str(failure))


def _newest(patterns: tuple[str, ...]) -> Path | None:
    for pattern in patterns:
        if not pattern.startswith("/"):
            if found := shutil.which(pattern):
                return Path(found)
        elif paths := list(Path("/").glob(pattern[1:])):
            return max(paths, key=lambda path: [int(digits) for digits in path.parts if digits.isdigit()])
    return None
