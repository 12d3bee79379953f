"""`{% load pyqueue %}` and `{% pyqueue %}`: the one script of a page."""

from __future__ import annotations

from typing import Any

from django import template
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from ...page import script_tag
from ..configuration import configuration

register = template.Library()


@register.simple_tag(takes_context=True, name="pyqueue")
def script(context: Any) -> SafeString:
    """The script tag, with who is signed in where the context has the request.

    The script is that of the URLs that the site includes, or else the static file. A nonce is that of the
    request, as django-csp and Django's own context processor give it.
    """
    try:
        address = reverse("pyqueue:file", kwargs={"name": "pyqueue.js"})
    except NoReverseMatch:
        address = static("pyqueue/pyqueue.js")
    request = context.get("request")
    nonce = context.get("csp_nonce") or getattr(request, "csp_nonce", None)
    nonce = str(nonce) if nonce else None
    if request is None:  # Who is signed in cannot be told: pages go by what another page has said.
        with_nonce = format_html(' nonce="{}"', nonce) if nonce else ""
        return format_html('<script type="module" src="{}"{}></script>', address, with_nonce)
    site = configuration()
    return mark_safe(script_tag(site.principal(request), address, nonce=nonce, hash=site.hashes_principals))
