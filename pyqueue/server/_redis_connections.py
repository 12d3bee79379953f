"""Connections of the Redis store on one event loop, on which scripts are run in groups.

Not a client's pipeline: with a pool that looks at each connection before it lends it, with the timers of both
and with what is recorded of each command, it takes twice as much of the processor's time.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import NoScriptError

from ._groups import Groups

Script = tuple[str, Sequence[Any]]
"""The Lua source, and what follows in EVALSHA: the number of keys, the keys and the arguments."""

WAYS = 2
"""Connections of a loop. While the server flushes one group to disk the next one gathers: with more, groups
would be smaller, and flushes more."""

PATIENCE = 10.0
"""Seconds for which a group is waited for, with all tries to connect again."""


class Connections:
    """Connections of one event loop, opened at first use, and again when they break.

    Args:
        url: of the server.
        retries: of a group whose connection broke. Every script may run twice.
        options: further arguments of redis-py's connections.
    """

    def __init__(self, url: str, retries: int, options: Mapping[str, Any]):
        backoff = ExponentialWithJitterBackoff(cap=1.0, base=0.05)
        # Without redis-py's own timeouts, which cost a task for each write: `PATIENCE` is one for the group.
        settings = {"socket_timeout": None, "retry": Retry(backoff, retries), **options}
        pool: Any = redis.asyncio.ConnectionPool.from_url(url, **settings)
        self._client = redis.asyncio.Redis.from_pool(pool)
        self._connections = [pool.make_connection() for _ in range(WAYS)]
        self._idle = list(self._connections)
        self._groups = Groups(self._carry, WAYS)
        self._digests: dict[str, str] = {}

    async def run(self, script: Script) -> Any:
        """Runs a script and returns its reply.

        Raises:
            redis.RedisError: the server cannot be reached, or refused it.
        """
        return await self._groups.run(script)

    async def info(self, section: str) -> Mapping[str, Any]:
        """What INFO tells of a section."""
        facts: Mapping[str, Any] = await self._client.info(section)
        return facts

    async def close(self) -> None:
        """Closes the connections."""
        for connection in self._connections:
            await connection.disconnect()
        await self._client.aclose()

    async def _carry(self, scripts: Sequence[Script]) -> list[Any]:
        connection = self._idle.pop()
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._replies(connection, scripts)
        except TimeoutError:
            raise redis.TimeoutError(f"the Redis server has not answered for {PATIENCE:g} s") from None
        finally:
            self._idle.append(connection)

    async def _replies(self, connection: Any, scripts: Sequence[Script]) -> list[Any]:
        commands = [("EVALSHA", self._digest(source), *arguments) for source, arguments in scripts]
        replies = await self._exchange(connection, commands)
        unknown = [number for number, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if unknown:  # The server is new, or was restarted: each script once as a whole, which makes it known.
            again = [("EVAL", scripts[number][0], *scripts[number][1]) for number in unknown]
            for number, reply in zip(unknown, await self._exchange(connection, again), strict=True):
                replies[number] = reply
        return replies

    async def _exchange(self, connection: Any, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Sends commands at once and returns what was replied to each; again if the connection breaks."""

        async def exchange() -> list[Any]:
            await connection.send_packed_command(connection.pack_commands(commands))
            replies: list[Any] = []
            for _ in commands:
                try:
                    replies.append(await connection.read_response())
                except redis.ResponseError as error:
                    replies.append(error)
            return replies

        async def broken(_: Exception) -> None:
            await connection.disconnect()

        replies: list[Any] = await connection.retry.call_with_retry(exchange, broken)
        return replies

    def _digest(self, source: str) -> str:
        digest = self._digests.get(source)
        if digest is None:
            digest = self._digests[source] = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
        return digest
