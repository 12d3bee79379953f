"""The comments of the examples, in an SQLite file of the folder that `SITE_FOLDER` names."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = Path(os.environ.get("SITE_FOLDER", HERE))


@contextmanager
def _transaction() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(FOLDER / "comments.sqlite3", timeout=30, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            connection.execute("CREATE TABLE IF NOT EXISTS comments (author TEXT, text TEXT NOT NULL)")
            yield connection
    finally:
        connection.close()


def add(author: str | None, text: str) -> dict[str, str | None]:
    """Writes a comment, and returns it."""
    with _transaction() as connection:
        connection.execute("INSERT INTO comments VALUES (?, ?)", (author, text))
    return {"author": author, "text": text}


def every() -> list[dict[str, str | None]]:
    """All comments in the order of arrival."""
    with _transaction() as connection:
        rows = connection.execute("SELECT author, text FROM comments ORDER BY rowid").fetchall()
    return [{"author": author, "text": text} for author, text in rows]
