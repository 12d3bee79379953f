"""The browser files as a view: for sites whose static files are served elsewhere, or with other headers."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse

from ..files import BrowserFiles
from ._http import response_of
from .configuration import configuration


@login_not_required
def serve(request: HttpRequest, name: str) -> HttpResponse:
    """What `assets()` serves: the same files, headers and codings."""
    answer = _files(configuration().tasks).answer(
        request.method or "",
        name,
        accept_encoding=request.headers.get("Accept-Encoding", ""),
        if_none_match=request.headers.get("If-None-Match", ""),
    )
    return response_of(answer)


@lru_cache(maxsize=1)
def _files(tasks: Path | None) -> BrowserFiles:
    return BrowserFiles(tasks)
