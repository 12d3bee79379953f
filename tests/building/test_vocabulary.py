"""The JavaScript vocabulary is the Python one."""

from __future__ import annotations

from building import vocabulary


def test_the_committed_module_is_what_the_python_one_says() -> None:
    assert vocabulary.TARGET.read_text("utf-8") == vocabulary.render()
