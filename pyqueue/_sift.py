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
        kept, refusal = _clear_fields(payload, "payload", csrf)
        return Sifted(payload if kept is None else kept, refusal)
    changed: dict[str, Any] = {}
    refusals: list[str | None] = []
    body = payload.part("body") if isinstance(payload, InParts) else payload.get("body")
    for name, part, clear in (
        ("headers", payload.get("headers"), _clear_headers),
        ("body", body, _clear_fields),
    ):
        kept, refusal = clear(part, f"request.{name}", csrf) if isinstance(part, Mapping) else (None, None)
        refusals.append(refusal)
        if kept is not None:
            changed[name] = kept
    url = payload.get("url")
    try:
        check_no_password(url if isinstance(url, str) else "")
    except InvalidRequest as invalid:
        changed["url"] = ""
        refusals.append(f"request.url: {invalid}")
    if not changed:
        return Sifted(payload)
    return Sifted({**payload, **changed}, next((refusal for refusal in refusals if refusal), None))


def check_no_secrets(task: str | None, payload: Mapping[str, Any], csrf: Csrf | None) -> Mapping[str, Any]:
    """The payload without the token that `Queue(csrf=)` stands for.

    Raises:
        InvalidPayload: it holds any other secret.
    """
    sifted = sift(task, payload, csrf)
    if sifted.refusal is not None:
        raise InvalidPayload(sifted.refusal)
    return sifted.payload


def _clear_fields(
    fields: Mapping[str, Any], path: str, csrf: Csrf | None
) -> tuple[dict[str, Any] | None, str | None]:
    """The fields without CSRF tokens (`None`: it has none), and why they are refused as they were given."""
    declared = None if csrf is None else csrf.field
    names = [name for name in fields if name == declared or is_token_field(str(name))]
    if not names:
        return None, None
    refused = next((name for name in names if name != declared), None)
    kept = {name: fields[name] for name in fields if name not in names}
    return kept, None if refused is None else f"{path}.{refused}: {TOKEN}"


def _clear_headers(
    headers: Mapping[str, Any], path: str, csrf: Csrf | None
) -> tuple[dict[str, Any] | None, str | None]:
    """The headers without secrets (`None`: it has none), and why they are refused as they were given."""
    declared = None if csrf is None else csrf.header.lower()
    named = {str(name): value for name, value in headers.items()}
    kept = {n: value for n, value in named.items() if n.lower() != declared and secret_header(n) is None}
    if len(kept) == len(named):
        return None, None
    refused = next((name for name in named if name not in kept and name.lower() != declared), None)
    return kept, None if refused is None else f"{path}: {refused}: {secret_header(refused)}"
