"""The setting `PYQUEUE`, read and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from ..._checks import check_flag, check_text
from ..._errors import DeclarationError
from ..._text import shown
from ..options import Options, RouteOptions, check_longest_body
from ..rules import Rules
from ..stores import IdempotencyStore

_OWN = ("STORE", "DATABASE", "PRINCIPAL", "ATOMIC", "HASH_PRINCIPALS", "TASKS")
_FUNCTIONS = ("KEEP", "FINGERPRINT", "ON_EVENT")
"""A settings file may name them by dotted paths, as the principal and the store."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a site says in `PYQUEUE`.

    Attributes:
        store: where keys and answers are kept.
        principal: the name of whose request it is, from the request.
        options: of the layer, for views that say nothing themselves.
        atomic: whether views that are marked are atomic unless they say otherwise.
        hashes_principals: whether pages get only a digest of who is signed in.
        tasks: the site's tasks module.
    """

    store: IdempotencyStore
    principal: Callable[[Any], str | None]
    options: Options
    atomic: bool
    hashes_principals: bool
    tasks: Path | None

    def rules(self) -> Rules:
        """Those of views that are not marked. Without `PATHS` a request without a key passes: among them are
        those of the site's admin."""
        if self.options.get("paths") is None:
            return Rules(self.store, self.principal, {"required": False, **self.options})
        return Rules(self.store, self.principal, self.options)

    def rules_of(self, own: RouteOptions) -> Rules:
        """Those of a marked view, wherever it is.

        Raises:
            DeclarationError: an option is unknown, wrong, or of the site as a whole.
        """
        everywhere: Options = {**self.options, "required": True, "paths": None, "routes": {}}
        site = Rules(self.store, self.principal, everywhere)
        rules = site.replace(own)
        check_longest_body(rules.max_body, site.max_body)
        return rules


def configuration() -> Configuration:
    """The site's, as its settings are now.

    Raises:
        DeclarationError: an entry is unknown or wrong.
    """
    given = getattr(settings, "PYQUEUE", {})
    if not isinstance(given, Mapping):
        raise DeclarationError(f"PYQUEUE is {shown(given)}; give a dictionary")
    known = [*_OWN, *(name.upper() for name in Options.__annotations__)]
    if unknown := [name for name in given if name not in known]:
        raise DeclarationError(
            f"PYQUEUE has no {', '.join(map(str, unknown))}; there are {', '.join(known)}, in capitals"
        )
    entries = {name: _imported(name, value) if name in _FUNCTIONS else value for name, value in given.items()}
    options: Any = {name.lower(): value for name, value in entries.items() if name not in _OWN}
    found = Configuration(
        _store(entries),
        _principal(entries),
        options,
        check_flag("PYQUEUE['ATOMIC']", entries.get("ATOMIC", False)),
        check_flag("PYQUEUE['HASH_PRINCIPALS']", entries.get("HASH_PRINCIPALS", False)),
        Path(entries["TASKS"]) if entries.get("TASKS") is not None else None,
    )
    found.rules()
    return found


def _store(entries: Mapping[str, Any]) -> Any:
    from .store import DatabaseIdempotencyStore

    if "STORE" not in entries:
        return DatabaseIdempotencyStore(check_text("PYQUEUE['DATABASE']", entries.get("DATABASE", "default")))
    if "DATABASE" in entries:
        raise DeclarationError("PYQUEUE has STORE and DATABASE, which names the store's own: give one")
    store = _imported("STORE", entries["STORE"])
    if not hasattr(store, "sync"):
        raise DeclarationError(
            f"PYQUEUE['STORE'] is {shown(store)}; give a store that has `sync`, or the dotted path of one"
        )
    return store


def _principal(entries: Mapping[str, Any]) -> Callable[[Any], str | None]:
    principal = _imported("PRINCIPAL", entries.get("PRINCIPAL", user_of))
    if not callable(principal):
        raise DeclarationError(
            f"PYQUEUE['PRINCIPAL'] is {shown(principal)}; give a function of the request that returns a name"
        )
    found: Callable[[Any], str | None] = principal
    return found


def user_of(request: Any) -> str | None:
    """Whose request it is: the primary key of `request.user`, `None` if nobody is signed in."""
    user = getattr(request, "user", None)
    return str(user.pk) if user is not None and user.is_authenticated else None


def _imported(name: str, value: Any) -> Any:
    """What a dotted path names, or each of a list of them; any other value is itself."""
    if isinstance(value, list | tuple):
        return [_imported(name, item) for item in value]
    if not isinstance(value, str):
        return value
    try:
        return import_string(value)
    except ImportError as error:
        raise DeclarationError(
            f"PYQUEUE[{name!r}] is {value!r}, which cannot be imported: {error}"
        ) from error
