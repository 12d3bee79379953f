"""Tasks that cannot be imported."""

raise LookupError("no such setting")
