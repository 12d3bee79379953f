"""Elements of the page."""

from pyodide.ffi import create_once_callable
from pyscript import document, window


def by_id(name):
    return document.getElementById(name)


def element(name, attributes, *children):
    """Makes an element.

    Args:
        name: its tag.
        attributes: a dict of strings.
        children: its text and elements.
    """
    made = document.createElement(name)
    for key, value in attributes.items():
        made.setAttribute(key, value)
    made.append(*children)
    return made


def image(source, description):
    """Makes an image of a URL or a `Blob`."""
    if isinstance(source, str):
        return element("img", {"src": source, "alt": description})
    url = window.URL.createObjectURL(source)
    made = element("img", {"src": url, "alt": description})
    made.addEventListener("load", create_once_callable(lambda _event: window.URL.revokeObjectURL(url)))
    return made


def say(name, words):
    """Shows a message in the element with an id; no words: hides it."""
    place = by_id(name)
    place.textContent = words
    place.hidden = not words
