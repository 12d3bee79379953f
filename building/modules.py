"""The browser's own modules: how an import in the source tree is written in the static folder."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection

from .process import Failure

_STATIC_IMPORT = re.compile(
    r"""^(?:(?:import|export)\s[^"'=();]*?\bfrom|import)\s*"([^"]+)\"""", re.MULTILINE
)
_IMPORT = re.compile(r"""(?P<before>\bfrom\s*|\bimport\s*\(?\s*)"(?P<specifier>[^"]+)\"""")


def rewrite_entry(source: str, folder: str) -> str:
    """An entry moves from its folder to the root: what it imports from beside itself is in `folder`."""
    return _IMPORT.sub(lambda found: _replace(found, "./", f"./{folder}/"), source)


def rewrite_module(source: str, pyodide: str) -> str:
    """A module of `app-<hash>/worker/`: npm's Pyodide lies in the static folder's own `pyodide/`.

    Args:
        source: the module.
        pyodide: the version, which becomes part of the URL: an HTTP cache may hold an older Pyodide under
            the same name, and would answer the import with it.
    """
    return _IMPORT.sub(lambda found: _replace(found, "pyodide/", "../../pyodide/", f"?{pyodide}"), source)


def _replace(found: re.Match[str], prefix: str, by: str, query: str = "") -> str:
    specifier = found["specifier"]
    if not specifier.startswith(prefix):
        return found[0]
    return f'{found["before"]}"{by}{specifier.removeprefix(prefix)}{query}"'


def check_imports(path: str, source: str, files: Collection[str]) -> None:
    """Checks that a module as built imports nothing but files that are shipped.

    Args:
        path: the module's, relative to the static folder.
        source: the module as built.
        files: all paths of the static folder.

    Raises:
        Failure: naming the module and what it asks for.
    """
    for specifier in _STATIC_IMPORT.findall(source):
        file = specifier.partition("?")[0]
        wanted = posixpath.normpath(posixpath.join(posixpath.dirname(path), file))
        if not specifier.startswith(".") or wanted not in files:
            raise Failure(
                f"{path} imports {specifier!r}, which is not among the browser files: correct the import."
            )
