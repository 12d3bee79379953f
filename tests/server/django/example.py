"""The example of a Django site, in a folder and a process of its own."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from building.paths import WEB
from tests.server.django.process import DjangoServer


class Notes(DjangoServer):
    """A copy of `web/examples/django`, served by gunicorn or uvicorn."""

    def __init__(self, kind: str, folder: Path):
        copy = folder / "site"
        shutil.copytree(
            WEB / "examples" / "django", copy, ignore=shutil.ignore_patterns("*.sqlite3", "__pycache__")
        )
        self._database = copy / "notes" / "notes.sqlite3"
        super().__init__(kind, "notes.settings", copy)

    def texts(self) -> list[str]:
        """The comments in the site's database."""
        with closing(sqlite3.connect(self._database)) as connection:
            rows = connection.execute("SELECT text FROM notes_comment ORDER BY id").fetchall()
        return [text for (text,) in rows]
