"""The page's half, web/pyqueue.js, as `pyqueue._client` calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from js import URL, origin
from pyodide.code import run_js
from pyodide.ffi import ConversionError, create_proxy

from .. import _errors as errors
from .convert import from_js, value_to_js

_SETTLE = run_js(
    """
    async (work) => {
      try {
        return { ok: true, value: await work() };
      } catch (error) {
        return { ok: false, name: error?.name ?? "Error", message: error?.message ?? String(error) };
      }
    }
    """
)
"""Awaiting a promise that is rejected with something that is not an `Error` hangs Python for ever."""

_BOUND_CALL = run_js("(target, method, args) => () => target[method](...args)")
_BOUND_IMPORT = run_js("(url) => () => import(url)")


async def load(url: str) -> Any:
    """The object `pyqueue` of the module at a URL.

    Args:
        url: absolute, or relative to the site's root: a PyScript worker's own URL, a `blob:`, is no base.

    Raises:
        NotSupported: the module cannot be loaded.
    """
    answer = await _SETTLE(_BOUND_IMPORT(URL.new(url, origin).href))
    if not answer.ok:
        raise errors.NotSupported(f"{url} cannot be loaded: {answer.message}")
    return answer.value.pyqueue


async def call(target: Any, method: str, *args: Any) -> Any:
    """Calls a method with Python arguments and awaits it.

    Raises:
        InvalidPayload: an argument has no JavaScript value (a `datetime`, a list that contains itself).
        PyqueueError: the class of pyqueue._errors that has the JavaScript error's name.
    """
    try:
        arguments = value_to_js(list(args))
    except (ConversionError, RecursionError) as error:
        raise errors.InvalidPayload(f"what was passed cannot be stored: {error}") from error
    answer = await _SETTLE(_BOUND_CALL(target, method, arguments))
    if answer.ok:
        return answer.value
    kind = getattr(errors, answer.name, None)
    if kind is not None:
        raise kind(answer.message)
    raise errors.PyqueueError(f"{answer.name}: {answer.message}")


def subscribe(target: Any, listener: Callable[[Mapping[str, Any]], None]) -> Callable[[], None]:
    """Calls a Python function at every change, with the event as a dict, until the answer is called."""
    proxy = create_proxy(lambda event: listener(from_js(event)))
    stop = target.subscribe(proxy)

    def unsubscribe() -> None:
        stop()
        proxy.destroy()

    return unsubscribe
