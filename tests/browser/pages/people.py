"""A site with sessions: people sign in, order, and sign out, on one device.

PYTHONPATH=web/demo uvicorn --factory --app-dir tests/browser/pages people:create_app
"""

from __future__ import annotations

from html import escape
from typing import Any

from server import create_default_app
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from pyqueue.server import IdempotencyMiddleware, SQLiteIdempotencyStore

PAGE = """<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <title>Orders</title>
  <script type="module" src="/pyqueue/pyqueue.js" {user}></script>
  <body>
    <div data-testid="status"><pyqueue-status></pyqueue-status></div>
    <form data-pyqueue="order" method="post" action="/people/orders">
      <input name="text" data-testid="text"><button data-testid="send">Order</button>
    </form>
    <a href="/people/sign-out" data-testid="sign-out" data-pyqueue-sign-out>Sign out</a>
    <p data-testid="who">{who}</p>
  </body>
</html>
"""


def create_app() -> Starlette:
    """The demo, and at `/people/` a page for whoever is signed in."""
    demo = create_default_app()
    orders: list[dict[str, Any]] = []

    async def page(request: Request) -> Response:
        who = request.session.get("user", "")
        attributes = "" if "silent" in request.query_params else f'data-user="{escape(who)}"'
        if "hash" in request.query_params:
            attributes += " data-user-hash"
        return HTMLResponse(
            PAGE.format(user=attributes, who=escape(who)), headers={"cache-control": "no-store"}
        )

    async def sign_in(request: Request) -> Response:
        request.session["user"] = request.path_params["user"]
        return RedirectResponse("/people/", 303)

    async def sign_out(request: Request) -> Response:
        request.session.clear()
        return RedirectResponse("/people/", 303)

    async def order(request: Request) -> Response:
        who = request.session.get("user")
        if who is None:
            return Response(status_code=401)
        orders.append({"who": who, "text": (await request.json())["text"]})
        return JSONResponse(orders[-1], 201)

    async def all_orders(request: Request) -> Response:
        return JSONResponse(orders)

    people = Starlette(
        routes=[
            Route("/", page),
            Route("/sign-in/{user}", sign_in),
            Route("/sign-out", sign_out),
            Route("/orders", order, methods=["POST"]),
            Route("/orders", all_orders),
        ],
        middleware=[
            Middleware(SessionMiddleware, secret_key="a secret of this test"),
            Middleware(
                IdempotencyMiddleware,
                store=SQLiteIdempotencyStore(demo.state.database),
                paths=["/orders"],
                principal=lambda scope: scope["session"].get("user"),
            ),
        ],
    )
    demo.router.routes.insert(0, Mount("/people", people))
    return demo
