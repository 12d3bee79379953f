"""The demo's data: comments and photos in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS comments (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        post_id TEXT NOT NULL,  -- as JSON: 1 and "1" come back as they were sent
        text TEXT NOT NULL,
        photo_id INTEGER REFERENCES photos (id)
    );
    CREATE TABLE IF NOT EXISTS photos (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        type TEXT NOT NULL,
        data BLOB NOT NULL
    );
"""


def create(path: Path) -> None:
    """Makes the file and its tables where they are missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with transaction(path) as connection:
        for statement in _SCHEMA.split(";\n"):
            connection.execute(statement)


@contextmanager
def transaction(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction, committed at the end of the block and rolled back if it raises."""
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    finally:
        connection.close()


def comment_of(row: sqlite3.Row) -> dict[str, Any]:
    """A comment as the API shows it; `photo` is the address of its picture, if it has one."""
    comment = {"id": row["id"], "post_id": json.loads(row["post_id"]), "text": row["text"]}
    if row["photo_id"] is not None:
        comment["photo"] = f"/api/photos/{row['photo_id']}"
    return comment
