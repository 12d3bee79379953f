"""How the build rewrites the imports of browser modules."""

from __future__ import annotations

import pytest

from building.modules import check_imports, rewrite_entry, rewrite_module
from building.process import Failure


@pytest.mark.parametrize(
    ("source", "rewritten"),
    [
        ('import { a } from "./x.js";', 'import { a } from "./app-1/web/x.js";'),
        ('import {\n  a,\n} from "./x.js";', 'import {\n  a,\n} from "./app-1/web/x.js";'),
        ('import "./x.js";', 'import "./app-1/web/x.js";'),
        ('export * from "./x.js";', 'export * from "./app-1/web/x.js";'),
        ('const x = await import("./x.js");', 'const x = await import("./app-1/web/x.js");'),
        ('new URL("./sw.js", import.meta.url)', 'new URL("./sw.js", import.meta.url)'),
    ],
)
def test_an_entry_finds_its_modules_in_the_app_folder(source: str, rewritten: str) -> None:
    """Only imports move: what an entry finds at run time lies beside it."""
    assert rewrite_entry(source, "app-1/web") == rewritten


def test_a_module_finds_pyodide_in_the_static_folder() -> None:
    """npm's names mean nothing to a browser."""
    source = 'import { loadPyodide } from "pyodide/pyodide.mjs";\nimport { a } from "./a.js";'
    assert rewrite_module(source, "314.0.7") == (
        'import { loadPyodide } from "../../pyodide/pyodide.mjs?314.0.7";\nimport { a } from "./a.js";'
    )


@pytest.mark.parametrize("specifier", ["./gone.js", "lodash", "../../../outside.js"])
def test_an_import_of_what_is_not_shipped_fails_the_build(specifier: str) -> None:
    """The message names the module and the import."""
    with pytest.raises(Failure, match=r"app-1/web/a\.js imports .*" + specifier.replace(".", r"\.")):
        check_imports("app-1/web/a.js", f'import x from "{specifier}";', {"app-1/web/a.js"})


def test_an_import_named_in_a_comment_is_not_checked() -> None:
    """JSDoc names types of modules that are not loaded."""
    check_imports("app-1/web/a.js", '/** @type {import("./types.js").T} */\nexport const a = "b";', set())
