"""`manage.py pyqueue_keys`: what `python -m pyqueue keys` does, with the site's own store."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ....._errors import DeclarationError
from ....keys_command import act, add_actions
from ...configuration import configuration


class Command(BaseCommand):
    """Looks up, counts and forgets keys."""

    help = "Looks up idempotency keys, counts them, and forgets some."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The same as those of `python -m pyqueue keys`, without the store."""
        add_actions(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Exits with 1 if there is no such key, or it was not done."""
        try:
            store: Any = configuration().store
            if not hasattr(store, "inspection"):
                raise DeclarationError("PYQUEUE['STORE'] has no inspection: its keys cannot be looked at")
            status = act(store.inspection(), argparse.Namespace(**options))
        except DeclarationError as error:
            raise CommandError(str(error)) from error
        if status:
            sys.exit(status)
