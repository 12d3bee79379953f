"""The database server's clock, as Unix time in seconds: machines need not agree on theirs."""

from __future__ import annotations

from typing import Any

from django.db.models import FloatField, Func

_POSTGRESQL = "extract(epoch FROM {}())::float8"


class Clock(Func):
    """The time when it is asked for: after a wait for a lock, the time after the wait."""

    arity = 0
    output_field = FloatField()
    postgresql = "clock_timestamp"

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template=_POSTGRESQL.format(self.postgresql), **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "((julianday('now') - 2440587.5) * 86400.0)"
        return self.as_sql(compiler, connection, template=template, **context)


class StatementClock(Clock):
    """The time when the statement began, which an index can be searched for."""

    postgresql = "statement_timestamp"
