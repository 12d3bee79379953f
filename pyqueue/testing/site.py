"""A site in memory: its cookies, and its open pages."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass
class MemorySite:
    """The Site port.

    Attributes:
        origin: of the site.
        cookies: those that scripts may read, each with its value as it is sent.
        pages: of each open page, its `<meta>` tags by name.
    """

    origin: str = "https://site.test"
    cookies: dict[str, str] = field(default_factory=dict)
    pages: list[Mapping[str, str]] = field(default_factory=list)

    async def cookie(self, name: str, refused: Collection[str] = ()) -> str | None:
        value = self.cookies.get(name)
        return None if value in ("", *refused) else value

    async def meta(self, name: str, refused: Collection[str] = ()) -> str | None:
        found = (page.get(name) for page in self.pages)
        return next((content for content in found if content not in (None, "", *refused)), None)
