"""`{% load pyqueue %}` and `{% pyqueue %}`: the one script of a page."""

from __future__ import annotations

from typing import Any

from django import template
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag(takes_context=True, name="pyqueue")
def script(context: Any) -> SafeString:
    """The script tag. The script is that of the URLs that the site includes, or else the static file; a nonce
    is that of the request, as django-csp and Django's own context processor give it."""
    try:
        address = reverse("pyqueue:file", kwargs={"name": "pyqueue.js"})
    except NoReverseMatch:
        address = static("pyqueue/pyqueue.js")
    nonce = context.get("csp_nonce") or getattr(context.get("request"), "csp_nonce", None)
    if nonce:
        return format_html('<script type="module" src="{}" nonce="{}"></script>', address, str(nonce))
    return format_html('<script type="module" src="{}"></script>', address)
