"""A queue whose requests bear a token, and that looks at what is kept."""

from pyqueue import Auth, Queue

queue = Queue(
    auth=Auth(url="/annex/token"),
    ordering_key=None,
    redact=lambda kept: kept.replace("4111", "…") if isinstance(kept, str) else kept,
)
queue.http("guarded", "POST", "/annex/guarded")


@queue.task("elsewhere")
async def elsewhere(ctx, *, url):
    """Sends to wherever a page says."""
    await ctx.http.post(url)
