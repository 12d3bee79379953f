"""Runs the outbox example once, for one order: python outbox_process.py DATABASE PAYMENTS STEP.

Kills itself before the step of that number: the steps are the lines of the example, as they are carried out.
Prints the status of the order's answer, and how many charges are left.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import threading
from types import FrameType
from typing import Any

import httpx

from web.examples import outbox

LEASE = 0.2


async def order(app: Any) -> int:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app.example") as client:
        answer = await client.post("/orders", json={"item": 1}, headers={"Idempotency-Key": '"order-1"'})
    return answer.status_code


def die_at(step: int) -> Any:
    steps = iter(range(1, step + 1))

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != outbox.__file__:
            return None
        if event == "line" and next(steps, None) == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace


def main(database: str, payments: str, step: str) -> None:
    threading.settrace(die_at(int(step)))
    sys.settrace(threading.gettrace())
    status = asyncio.run(order(outbox.create(database, payments, lease=LEASE, wait=10.0)))
    outbox.deliver(database, payments)
    sys.settrace(None)
    left = sqlite3.connect(database).execute("SELECT count(*) FROM outbox").fetchone()[0]
    print(status, left)


if __name__ == "__main__":
    main(*sys.argv[1:])
