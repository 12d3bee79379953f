"""The Django app, `"pyqueue.server.django"` in `INSTALLED_APPS`; docs/server.md says how."""

from .decorators import complete_in, idempotent

__all__ = ["complete_in", "idempotent"]
