"""How `complete_in` of each store ends: the answer is in the application's transaction, or it raises."""

from __future__ import annotations

from collections.abc import Awaitable

from .stores import ClaimLost, NoTransaction


def no_transaction(remedy: str) -> NoTransaction:
    """The error for a connection that would commit the answer apart from its effect."""
    return NoTransaction(
        f"no transaction is open here: {remedy}, write the effect, then record the answer in it"
    )


def insist(recorded: bool | Awaitable[bool]) -> Awaitable[None] | None:
    """Returns if the answer was recorded; to be awaited if that will be known only then.

    Raises:
        ClaimLost: it was not.
    """
    if not isinstance(recorded, bool):
        return _insist_later(recorded)
    if not recorded:
        raise ClaimLost(
            "another attempt took this key, or its answer is recorded already: roll the transaction back"
        )
    return None


async def _insist_later(recorded: Awaitable[bool]) -> None:
    insist(await recorded)
