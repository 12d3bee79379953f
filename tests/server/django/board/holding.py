"""Answers that are held between the view and the layer, as if the machine were slow there."""

import asyncio
import os
import time

from asgiref.sync import iscoroutinefunction
from django.utils.decorators import sync_and_async_middleware

FLAG = os.environ.get("BOARD_HOLD", "")


@sync_and_async_middleware
def HoldingMiddleware(get_response):
    """Holds every 201 for as long as the file is there."""
    if not iscoroutinefunction(get_response):

        def blocking(request):
            response = get_response(request)
            while response.status_code == 201 and os.path.exists(FLAG):
                time.sleep(0.02)
            return response

        return blocking

    async def on_loop(request):
        response = await get_response(request)
        while response.status_code == 201 and os.path.exists(FLAG):
            await asyncio.sleep(0.02)
        return response

    return on_loop
