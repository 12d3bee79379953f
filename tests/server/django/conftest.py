"""Django is set up before any test of it is collected."""

from __future__ import annotations

from tests.server.django.settings import configure

configure()
