"""`manage.py pyqueue_prune`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ....._errors import DeclarationError
from ...configuration import configuration


class Command(BaseCommand):
    """Deletes what has ended. The store does it in passing too: this is for a site that has become quiet."""

    help = "Deletes the idempotency keys whose lease or whose kept answer has ended, and says how many."

    def handle(self, *args: Any, **options: Any) -> None:
        """Prunes the site's store."""
        try:
            store = configuration().store
        except DeclarationError as error:
            raise CommandError(str(error)) from error
        count = store.sync.prune()
        self.stdout.write(f"Deleted {count} idempotency {'key' if count == 1 else 'keys'} that had ended.")
