"""A key as a database table has it. Its text may be longer than an index takes, and hold any character."""

from __future__ import annotations

import hashlib


def digest_of(key: str) -> bytes:
    """What tells keys apart: the SHA-256 of the key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def legible(key: str) -> str:
    """The key for people who look, without what PostgreSQL's text cannot hold."""
    return key.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
