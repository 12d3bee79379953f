"""Takes secrets out of payloads. The page's half has the same rules, in web/page/secrets.js."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ._csrf import Csrf
from ._destinations import check_no_password
from ._errors import InvalidPayload, InvalidRequest
from ._secrets import TOKEN, is_token_field, secret_header


@runtime_checkable
class InParts(Protocol):
    """A payload that is not copied into Python to be looked at."""

    def part(self, name: str) -> Mapping[str, Any] | None:
        """The field of this name, not copied either; `None` where it is no object."""
        ...


@dataclass(frozen=True, slots=True)
class Sifted:
    """A payload that holds no secret any more.

    Attributes:
        payload: what may be stored; the very same where nothing was secret.
        refusal: why the payload as it was given is refused, with the remedy; `None`: it is not. The token
            that `Queue(csrf=)` stands for is left out without one.
    """

    payload: Mapping[str, Any]
    refusal: str | None = None


def sift(task: str | None, payload: Mapping[str, Any], csrf: Csrf | None) -> Sifted:
    """Takes secrets out of the payload of a job.

    Args:
        task: `None`: the payload is a request `{url, method?, headers?, body?}`.
        payload: of a page, which may be hostile.
        csrf: as declared.

    Raises:
        InvalidPayload: it is no such request.
    """
    if task is not None:
        kept, reasons = _sifted_fields(payload, "payload", csrf)
        return Sifted(payload if kept is None else kept, reasons)
    changed: dict[str, Any] = {}
    refusals: list[str] = []
    body = payload.part("body") if isinstance(payload, InParts) else payload.get("body")
    if isinstance(body, Mapping):
        kept, refusal = _sifted_fields(body, "request.body", csrf)
        if kept is not None:
            changed["body"] = kept
        if refusal is not None:
            refusals.append(refusal)
    headers = payload.get("headers")
    if isinstance(headers, Mapping):
        declared = None if csrf is None else csrf.header.lower()
        secret = {name: secret_header(str(name)) for name in headers if str(name).lower() != declared}
        refusals += [f"request.headers: {name}: {reason}" for name, reason in secret.items() if reason]
        clear = {name: headers[name] for name, reason in secret.items() if reason is None}
        if len(clear) < len(headers):
            changed["headers"] = clear
    url = payload.get("url")
    try:
        check_no_password(url if isinstance(url, str) else "")
    except InvalidRequest as invalid:
        changed["url"] = ""
        refusals.append(f"request.url: {invalid}")
    if not changed:
        return Sifted(payload)
    return Sifted({**payload, **changed}, refusals[0] if refusals else None)


def check_no_secrets(task: str | None, payload: Mapping[str, Any], csrf: Csrf | None) -> Mapping[str, Any]:
    """The payload without the token that `Queue(csrf=)` stands for.

    Raises:
        InvalidPayload: it holds any other secret.
    """
    sifted = sift(task, payload, csrf)
    if sifted.refusal is not None:
        raise InvalidPayload(sifted.refusal)
    return sifted.payload


def _sifted_fields(
    fields: Mapping[str, Any], path: str, csrf: Csrf | None
) -> tuple[dict[str, Any] | None, str | None]:
    """What is left of the fields (`None`: all), and why they are refused."""
    declared = None if csrf is None else csrf.field
    names = [name for name in fields if name == declared or is_token_field(name)]
    if not names:
        return None, None
    refused = next((name for name in names if name != declared), None)
    kept = {name: fields[name] for name in fields if name not in names}
    return kept, None if refused is None else f"{path}.{refused}: {TOKEN}"
