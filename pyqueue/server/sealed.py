"""Opens bodies that pages have sealed to the server, before the application runs.

A page encrypts the body of a task with `seal="server"` by HPKE (RFC 9180: DHKEM(P-256, HKDF-SHA256),
HKDF-SHA256, AES-256-GCM); neither it nor the worker can read it again. Put this outside of the idempotency
layer, which then compares what was written, and keeps no refusal for a missing key. Inside of it works as
well: a repeated request has the same bytes.

Needs `cryptography`: `pip install pyqueue-sync[hpke]`.
"""

from __future__ import annotations

import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final
from urllib.parse import quote, unquote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .._checks import check_count
from .._encryption import SEALED_HEADER, SEALED_TYPE
from .._errors import DeclarationError
from . import protocol
from ._asgi import App, Receive, Scope, Send, TooLarge, read_body, send_whole
from ._environ import App as WSGIApp
from ._environ import Environ, StartResponse, Unreadable
from ._environ import read_body as read_wsgi
from ._environ import send_whole as send_wsgi
from .stores import StoredResponse

PROBLEM: Final = "urn:pyqueue:sealed:"
"""How the problem types of the refusals begin: `unknown-key`, `broken`, `malformed`."""

_SUITE: Final = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_PARAMETERS: Final = re.compile(r'key="([^"]{1,200})"; task="([^"]{0,9000})"; job="([^"]{1,800})"')
_PRIVATE: Final = re.compile(r"([A-Za-z0-9_-]{1,64}):([A-Za-z0-9_-]{43})")
_MAX_HEADER: Final = 10_100
_MAX_TYPE: Final = 1000
_LEFT: Final = "!'()*"
"""What JavaScript's `encodeURIComponent` leaves as it is, besides letters, digits and `-._~`."""


@dataclass(frozen=True, slots=True)
class SealKey:
    """A key pair of the server. Keep the old ones for as long as sealed writes may still be on devices.

    Args:
        private: `<id>:<secret>`, as `generate` makes it. Keep it where the site's other secrets are.

    Raises:
        DeclarationError: it is no such text.
    """

    private: str = field(repr=False)
    id: str = field(init=False)
    _key: ec.EllipticCurvePrivateKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found = _PRIVATE.fullmatch(self.private) if isinstance(self.private, str) else None
        try:
            if found is None:
                raise ValueError
            number = int.from_bytes(urlsafe_b64decode(found[2] + "="))
            key = ec.derive_private_key(number, ec.SECP256R1())
        except ValueError:
            message = (
                "SealKey: this is no private key; give the text that SealKey.generate().private returned"
            )
            raise DeclarationError(message) from None
        object.__setattr__(self, "id", found[1])
        object.__setattr__(self, "_key", key)

    @classmethod
    def generate(cls) -> SealKey:
        """A new key pair, with an id of its own."""
        number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
        return cls(f"{secrets.token_hex(4)}:{_text(number.to_bytes(32))}")

    @property
    def public(self) -> str:
        """What `Queue(server_key=...)` takes. It is no secret."""
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return f"{self.id}:{_text(point)}"

    def open(self, sealed: bytes, task: str, job: str) -> bytes:
        """What was sealed for this task and job.

        Raises:
            ValueError: it was not, or not with this key, or was changed since.
        """
        info = "\n".join(["pyqueue sealed 1", *(quote(part, safe=_LEFT) for part in (self.id, task, job))])
        try:
            return _SUITE.decrypt(sealed, self._key, info.encode())
        except InvalidTag as broken:
            raise ValueError("the seal is broken") from broken


class _Opener:
    """Opens requests, free of any server interface."""

    def __init__(self, keys: Iterable[SealKey], max_body: int) -> None:
        self._keys = {key.id: key for key in keys}
        if not self._keys:
            raise DeclarationError("keys is empty; give the server's keys, made by SealKey.generate()")
        self.max_body = check_count("max_body", max_body, 1, 1 << 40)

    def opened(self, said: Sequence[bytes], sealed: bytes) -> tuple[bytes, bytes] | StoredResponse:
        """The content type and the body that the application is to see, or the refusal.

        Args:
            said: the values of the header `Pyqueue-Sealed`.
            sealed: the body.
        """
        text = (
            said[0].decode("latin-1").strip(" \t") if len(said) == 1 and len(said[0]) <= _MAX_HEADER else ""
        )
        found = _PARAMETERS.fullmatch(text)
        if found is None:
            return _refusal(
                "malformed", "The sealed body says not to which key", f"{SEALED_HEADER} is missing."
            )
        key_id, task, job = (unquote(part, errors="replace") for part in found.groups())
        key = self._keys.get(key_id)
        if key is None:
            detail = "It was sealed to a key that this server does not have (any more). Nothing was done."
            return _refusal("unknown-key", "The key of the sealed body is unknown", detail)
        try:
            kind, _, body = key.open(sealed, task, job).partition(b"\n")
        except ValueError:
            detail = "It was changed since it was sealed, or belongs to another write. Nothing was done."
            return _refusal("broken", "The sealed body cannot be opened", detail)
        if len(kind) > _MAX_TYPE:
            return _refusal("malformed", "The sealed body has no content type", "Nothing was done.")
        return kind, body


class SealedMiddleware:
    """Wraps an ASGI application: it sees what was sealed as if it had been sent as it is.

    A body that cannot be opened is answered 422, one that is too large 413, as `application/problem+json`.
    All other requests pass untouched.

    Args:
        app: the application, or the idempotency layer.
        keys: the server's; the public one of one of them is the queue's `server_key`.
        max_body: bytes of a sealed body.

    Raises:
        DeclarationError: an argument is wrong.
    """

    def __init__(self, app: App, keys: Iterable[SealKey], *, max_body: int = 32 << 20) -> None:
        self.app = app
        self._opener = _Opener(keys, max_body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(bytes(name).lower(), bytes(value)) for name, value in scope.get("headers", ())]
        if scope["type"] != "http" or not _is_sealed(
            value for name, value in headers if name == b"content-type"
        ):
            return await self.app(scope, receive, send)
        try:
            body = await read_body(receive, self._opener.max_body)
        except TooLarge:
            return await send_whole(send, protocol.too_large(self._opener.max_body))
        if body is None:
            return None
        said = [value for name, value in headers if name == _HEADER]
        opened = self._opener.opened(said, body)
        if isinstance(opened, StoredResponse):
            return await send_whole(send, opened)
        kind, content = opened
        others = [(name, value) for name, value in headers if name not in _REPLACED]
        length = (b"content-length", str(len(content)).encode())
        inner = {**scope, "headers": [*others, (b"content-type", kind), length]}
        messages = iter([{"type": "http.request", "body": content, "more_body": False}])

        async def receive_opened() -> Any:
            return next(messages, None) or await receive()

        await self.app(inner, receive_opened, send)
        return None


class WSGISealedMiddleware:
    """Wraps a WSGI application, by the same rules as `SealedMiddleware`."""

    def __init__(self, app: WSGIApp, keys: Iterable[SealKey], *, max_body: int = 32 << 20) -> None:
        self.app = app
        self._opener = _Opener(keys, max_body)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not _is_sealed([environ.get("CONTENT_TYPE", "").encode("latin-1")]):
            return self.app(environ, start_response)
        try:
            body = read_wsgi(environ, self._opener.max_body)
        except Unreadable as refused:
            return send_wsgi(start_response, refused.response)
        said = environ.get("HTTP_PYQUEUE_SEALED")
        opened = self._opener.opened([] if said is None else [said.encode("latin-1")], body)
        if isinstance(opened, StoredResponse):
            return send_wsgi(start_response, opened)
        kind, content = opened
        inner = {name: value for name, value in environ.items() if name != "HTTP_PYQUEUE_SEALED"}
        inner["CONTENT_TYPE"] = kind.decode("latin-1")
        inner["CONTENT_LENGTH"] = str(len(content))
        inner["wsgi.input"] = BytesIO(content)
        return self.app(inner, start_response)


_HEADER: Final = SEALED_HEADER.lower().encode()
_REPLACED: Final = frozenset({b"content-type", b"content-length", b"transfer-encoding", _HEADER})


def _is_sealed(kinds: Iterable[bytes]) -> bool:
    return any(kind.partition(b";")[0].strip().lower() == SEALED_TYPE.encode() for kind in kinds)


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")


def _refusal(code: str, title: str, detail: str) -> StoredResponse:
    members: Mapping[str, Any] = {"type": PROBLEM + code, "title": title, "status": 422, "detail": detail}
    return protocol.document(422, dict(members))
