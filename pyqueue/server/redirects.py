"""Redirects: which ones lead to a login, and telling one to a worker, from which browsers hide it."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from .._problem import REDIRECT
from .protocol import document, normal_host
from .stores import StoredResponse

ASKS = b"pyqueue-redirect"
"""The request header by which a queue asks to be told."""

FOLLOWS = b"pyqueue-redirected-from"
"""The request header by which a queue says that it follows a redirect: what it was told as `from`."""

STATUS = 300
"""Of the answer that tells: browsers follow 301, 302, 303, 307 and 308 only, and show this one."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REPEATS = frozenset({307, 308})
_LOGINS = frozenset(
    {"login", "log-in", "log_in", "logon", "signin", "sign-in", "sign_in"}
    | {"sso", "saml", "oauth", "oauth2", "authorize"}
)


def location_of(response: StoredResponse) -> str | None:
    """Where an answer redirects to, as it says it; `None` if it is no redirect."""
    if response.status not in _REDIRECTS:
        return None
    values = [value for name, value in response.headers if name == b"location"]
    return values[0].decode("latin-1") if values else None


def is_repeat(response: StoredResponse) -> bool:
    """Whether the same request is to be sent elsewhere: nothing was done here (RFC 9110 15.4.8, 15.4.9)."""
    return response.status in _REPEATS


def is_login(path: str) -> bool:
    """Whether a path seems to be that of a login page, by the names of its segments."""
    return any(segment.partition(".")[0] in _LOGINS for segment in path.lower().split("/"))


def path_of(location: str) -> str:
    """The path of a redirect's target; empty if it is no URL."""
    try:
        return urlsplit(location).path
    except ValueError:
        return ""


def told(response: StoredResponse, location: str, host: str, login: bool, source: str) -> StoredResponse:
    """A redirect in a form that a worker can read.

    Args:
        response: the redirect. Its headers stay, but for those of its body and target.
        location: its target.
        host: the request's own. A target on it is told without scheme and host: which of them the browser
            sees is often not known behind a proxy.
        login: whether it asks to sign in.
        source: the request's target, see `rules.Keyed`.
    """
    target = _within(location, host)
    members = {
        "type": REDIRECT,
        "title": "The answer is a redirect",
        "status": STATUS,
        "detail": f"{response.status} to {target}",
        "redirect": response.status,
        "location": target,
        "login": login,
        "from": source,
    }
    headers = [(n, v) for n, v in response.headers if n != b"location" and not n.startswith(b"content-")]
    return document(STATUS, members, *headers)


def _within(location: str, host: str) -> str:
    try:
        parts = urlsplit(location)
    except ValueError:
        return location
    its_own = parts.scheme in ("http", "https") and normal_host(parts.netloc, parts.scheme) == host
    if not its_own or parts.path.startswith("//"):
        return location
    return urlunsplit(("", "", parts.path or "/", parts.query, ""))
