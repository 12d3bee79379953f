"""Destinations: to which origins requests may go, and which origin a URL has in a browser."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any, Final, get_args

from ._checks import check_choice, check_flag
from ._errors import DeclarationError, InvalidRequest
from ._http import Credentials, Request
from ._text import is_valid, shown

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_SECRET: Final = re.compile(r"[^/\\?#]*[/\\]{2}[^/\\?#]*@")
"""A URL with a user name or password, as far as it may be one: a message does not show it."""

_AUTHORITY: Final = re.compile(r"//([^/?#]*)")
_HOST_AND_PORT: Final = re.compile(
    r"(?P<host>\[[0-9a-f:]+\]|[a-z0-9_\-]+(?:\.[a-z0-9_\-]+)*\.?)(?::(?P<port>[0-9]{0,5}))?"
)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label of a host that browsers take for a number, and the host for an IPv4 address."""

_REMOVED: Final = re.compile(r"[\x00-\x1f\x7f\\]|^ ")
"""What browsers remove from a URL, or take for `/`, so that the rest may be another URL."""

_PORTS: Final = {"http": 80, "https": 443}
_LOOPBACK: Final = re.compile(r"http://(?:localhost|127\.0\.0\.1|\[::1\]|[a-z0-9.\-]+\.localhost)(?::|$)")


@dataclass(frozen=True, slots=True)
class Origin:
    """An origin besides the site's own to which requests may go.

    Args:
        url: scheme, host and, unless it is the usual one, port: `https://api.example.org`.
        credentials: `include`: the cookies that the browser has for this origin go with each request;
            `omit`: none do.
        auth: whether what `Queue(auth=)` provides goes there, too.

    Raises:
        DeclarationError: it is no origin, or what is secret would go there unencrypted.
    """

    url: str
    credentials: Credentials = "omit"
    auth: bool = False

    def __post_init__(self) -> None:
        what = f"Origin {shown(self.url)}"
        try:
            written = origin_of(self.url, "") if isinstance(self.url, str) else None
        except InvalidRequest as cause:
            raise DeclarationError(
                f"{what}: {cause.args[0]}; give an exact origin, as 'https://api.example.org'"
            ) from None
        if written is None or written != self.url:
            rest = "" if written is None else f" (perhaps {written!r})"
            raise DeclarationError(
                f"{what}: give an exact origin, as 'https://api.example.org': a scheme, a host and a port,"
                f" with no path, no wildcard and no '/' at its end{rest}"
            )
        check_choice(f"{what}: credentials", self.credentials, get_args(Credentials))
        check_flag(f"{what}: auth", self.auth)
        if (self.auth or self.credentials == "include") and not _is_private(self.url):
            raise DeclarationError(f"{what}: cookies and tokens go by https only; give its https:// origin")


def check_origins(what: str, origins: Any) -> tuple[Origin, ...]:
    """The declared origins, each given as text or as an `Origin`.

    Raises:
        DeclarationError: it is no list of these, or one is named twice.
    """
    if not isinstance(origins, list | tuple):
        raise DeclarationError(f"{what} is {shown(origins)}; give a list, as ['https://api.example.org']")
    checked = tuple(one if isinstance(one, Origin) else Origin(one) for one in origins)
    if len({one.url for one in checked}) < len(checked):
        raise DeclarationError(f"{what} names an origin twice; name it once")
    return checked


class Destinations:
    """Where the requests of a queue may go.

    Args:
        own: the site's own origin, as browsers write it.
        others: as declared.
    """

    def __init__(self, own: str, others: Sequence[Origin]) -> None:
        self.own = own
        self._others = {one.url: one for one in others}

    def find(self, url: str) -> Origin | None:
        """The origin to which a request with this URL goes; `None`: the site's own.

        Args:
            url: absolute, or relative to the site's root.

        Raises:
            InvalidRequest: it is not known to which, or none may go there.
        """
        origin = origin_of(url, self.own)
        if origin == self.own:
            return None
        if origin not in self._others:
            raise InvalidRequest(
                f"{shown(url)} leads to {origin}; the queue sends to the site's own origin"
                f" ({self.own}) and to what Queue(origins=[...]) names"
            )
        return self._others[origin]

    def addressed(self, request: Request) -> Request:
        """A request that says to which origin it goes, and whether the browser's cookies go along.

        The transport compares: browsers have the last word on what a URL means.

        Raises:
            InvalidRequest: as `find`.
        """
        other = self.find(request.url)
        if other is None:
            return request
        return replace(request, origin=other.url, credentials=other.credentials)


def check_no_password(url: str) -> None:
    """Refuses a URL that may have a user name or password in it. The message does not show it.

    Raises:
        InvalidRequest: it may.
    """
    if _SECRET.match(url):
        raise InvalidRequest(
            "a URL with a user name or password is not stored, nor sent to: use Queue(auth=...)"
        )


def origin_of(url: str, own: str) -> str:
    """The origin of a URL, as browsers write it.

    Where this returns one, every browser finds the same, or refuses the URL (WHATWG URL standard). It refuses
    more than browsers do: what they correct before they read it.

    Args:
        url: absolute, or relative to the site's root.
        own: the site's own origin; empty: there is none, so that the URL must be absolute.

    Raises:
        InvalidRequest: browsers may read the URL in another way, or would not send it.
    """
    check_no_password(url)
    if not is_valid(url) or _REMOVED.search(url):
        raise InvalidRequest(f"{shown(url)} has a control character, '\\' or a leading space; encode them")
    scheme = _SCHEME.match(url)
    if scheme is None and not url.startswith("//"):
        if own:
            return own
        raise InvalidRequest(f"{shown(url)} has no scheme")
    name = own.partition(":")[0] if scheme is None else scheme[1].lower()
    if name not in _PORTS:
        raise InvalidRequest(f"{shown(url)}: only http and https are sent to")
    authority = _AUTHORITY.match(url, 0 if scheme is None else scheme.end())
    if authority is None:
        raise InvalidRequest(f"{shown(url)} has no host; write {name}:// and the host")
    host_and_port = _HOST_AND_PORT.fullmatch(authority[1].lower()) if authority[1].isascii() else None
    if host_and_port is None or not _is_host(host_and_port["host"]):
        raise InvalidRequest(
            f"{shown(authority[1])} is not a host as browsers write it: in lower-case ASCII, xn-- and all"
        )
    port = int(host_and_port["port"] or _PORTS[name])
    if port > 65_535:
        raise InvalidRequest(f"there is no port {port}")
    return f"{name}://{host_and_port['host']}" + ("" if port == _PORTS[name] else f":{port}")


def _is_host(host: str) -> bool:
    """Whether browsers take a host as it is written."""
    try:
        if host.startswith("["):
            return str(IPv6Address(host[1:-1])) == host[1:-1]
        if _NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]):
            return str(IPv4Address(host)) == host
    except AddressValueError:
        return False
    return True


def _is_private(origin: str) -> bool:
    """Whether what is sent to an origin is read by nobody on the way."""
    return origin.startswith("https:") or _LOOPBACK.match(origin) is not None
