"""The photos: a task written in Python uploads them."""

from element import by_id, element, image
from server_list import ServerList


class Photos:
    """The photos on their way, then those that the server has, newest first."""

    def __init__(self):
        self._server = ServerList("/api/photos")
        self._drawn = None

    async def read(self):
        """Reads what the server has."""
        await self._server.read()

    def draw(self, waiting):
        """Draws them, if they are not those drawn before.

        Args:
            waiting: the first jobs that are to be sent.
        """
        photos = self._server.latest["items"]
        waiting = [job for job in waiting if job.task == "photo.upload"]
        shown = photos, [job.id for job in waiting]
        if shown == self._drawn:
            return
        self._drawn = shown
        by_id("photos").replaceChildren(
            *(_item(job.payload["photo"], "A photo on its way") for job in waiting),
            *(_item(photo["url"], f"Photo {photo['id']}") for photo in photos),
        )


def _item(source, description):
    return element("li", {"data-testid": "photo"}, image(source, description))
