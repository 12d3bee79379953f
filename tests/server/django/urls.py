"""A site without URLs."""

from typing import Any

urlpatterns: list[Any] = []
