"""The demo's tasks: what its pages may enqueue, and how each becomes requests."""

from pyqueue import Queue, Retry

queue = Queue(retry=Retry(max_attempts=8, base=1.0, cap=30.0), kill_switch="/pyqueue-control.json")

queue.http("comment.create", "POST", "/api/comments", ordering_key="post:{post_id}", label="Comment")


@queue.task("photo.upload", ordering_key=None, label="Photo")  # photos need no order: they go in parallel
async def upload_photo(ctx, *, photo):
    """Sends one photo and answers where it is."""
    response = await ctx.http.post("/api/photos", body=photo)
    return response.json()
