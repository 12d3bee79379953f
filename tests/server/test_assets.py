"""What `assets` answers, by ASGI and WSGI, and what `install-assets` copies."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import brotli
import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from pyqueue._errors import DeclarationError
from pyqueue.server import assets, static, wsgi
from pyqueue.server.joined import brotli_end, join

SCRIPT = b"export const pyqueue = 1;"
COMMENT = b"\n//# sourceMappingURL=pyqueue.js.map\n"
TASKS = "from pyqueue import Queue\nqueue = Queue()\n"
Get = Callable[..., httpx.Response]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A built folder in small."""
    files = {
        "pyqueue.js": SCRIPT + COMMENT,
        "pyqueue.js.br": b"flushed" + brotli_end(COMMENT),
        "pyqueue.js.gz": gzip.compress(b"stale once there are tasks"),
        "sw.js": b"// work\n",
        "sw.js.gz": gzip.compress(b"stale once there are tasks"),
        "sw.js.br": b"compressed in another way, and stale once there are tasks",
        "app-1f/views.js": b"// views\n",
        "pyodide/pyodide.mjs": b"export {};",
        "pyodide/pyodide.mjs.gz": gzip.compress(b"packed"),
        "pyodide/pyodide.mjs.br": b"packed better",
        "pyodide/pyodide.asm.wasm": b"\0asm",
        "pyodide/python_stdlib.zip": b"PK",
        "pyodide/pyodide-lock.json": b"{}",
        "pyqueue.whl": b"PK",
        "pyqueue.d.ts": b"export {};\n",
    }
    for name, content in files.items():
        path = tmp_path / "static" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "secret.txt").write_text("secret")
    return tmp_path / "static"


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    """A tasks module."""
    path = tmp_path / "tasks.py"
    path.write_text(TASKS)
    return path


@pytest.fixture(params=["ASGI", "WSGI"])
def get(request: pytest.FixtureRequest, folder: Path, tasks: Path) -> Get:
    """Sends one request to the assets, mounted at /pyqueue."""

    if request.param == "ASGI":
        app = Starlette(routes=[Mount("/pyqueue", assets(tasks, folder))])
        ask = partial(ask_asgi, app)
    else:
        mounts = {"/pyqueue": wsgi.assets(tasks, folder)}
        ask = partial(ask_wsgi, DispatcherMiddleware(NotFound(), mounts))

    def send(path: str, method: str = "GET", **headers: str) -> httpx.Response:
        named = {"accept-encoding": "identity"} | {n.replace("_", "-"): v for n, v in headers.items()}
        return ask(httpx.Request(method, f"http://localhost/pyqueue/{path}", headers=named))

    return send


def ask_asgi(app: Any, request: httpx.Request) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            return await client.send(request)

    return asyncio.run(ask())


def ask_wsgi(app: Any, request: httpx.Request) -> httpx.Response:
    def as_servers_do(environ: Any, start_response: Any) -> Any:
        path = environ["PATH_INFO"].encode().decode("latin-1")  # PEP 3333; httpx decodes it further.
        return app({**environ, "PATH_INFO": path}, start_response)

    with httpx.Client(transport=httpx.WSGITransport(as_servers_do)) as client:
        return client.send(request)


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("pyqueue.js", "text/javascript; charset=utf-8"),
        ("pyodide/pyodide.mjs", "text/javascript; charset=utf-8"),
        ("pyodide/pyodide.asm.wasm", "application/wasm"),
        ("pyodide/python_stdlib.zip", "application/zip"),
        ("pyodide/pyodide-lock.json", "application/json"),
        ("pyqueue.whl", "application/octet-stream"),
        ("pyqueue.d.ts", "text/plain; charset=utf-8"),
        ("tasks.py", "text/x-python; charset=utf-8"),
    ],
)
def test_every_file_has_its_media_type(get: Get, path: str, media_type: str) -> None:
    """Browsers refuse a module or wasm with another."""
    answer = get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)


def test_only_hashed_files_are_cached_for_ever(get: Get) -> None:
    """Everything else is asked for again."""
    assert get("app-1f/views.js").headers["cache-control"] == "max-age=31536000, immutable"
    for path in ("sw.js", "pyqueue.js", "tasks.py", "pyodide/pyodide.mjs"):
        assert get(path).headers["cache-control"] == "no-cache"


def test_an_etag_answers_304(get: Get) -> None:
    """Without a body, also when it is one of several."""
    etag = get("pyqueue.js").headers["etag"]
    again = get("pyqueue.js", if_none_match=f'"other", {etag}')
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert get("pyqueue.js", if_none_match='"other"').status_code == 200


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip"), ("deflate", None), ("", None)],
)
def test_the_best_compressed_copy_is_chosen(get: Get, accepted: str, encoding: str | None) -> None:
    """Asked by HEAD, which says the same as GET and sends no body."""
    answer = get("pyodide/pyodide.mjs", "HEAD", accept_encoding=accepted)
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "accept-encoding"
    assert int(answer.headers["content-length"]) > 0
    assert answer.content == b""


def test_every_encoding_has_its_own_etag(get: Get) -> None:
    """A strong ETag names bytes."""
    answers = [get("pyodide/pyodide.mjs", accept_encoding=name) for name in ("br", "gzip", "identity")]
    tags = {answer.headers["etag"] for answer in answers}
    assert len(tags) == 3


@pytest.mark.parametrize(
    "path",
    [
        *("", "nothing.js", "app-1f", "../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt"),
        *("%00", "sw.js%00", "sw.js/", "%2fsw.js", "app-1f//views.js", "app-1f/views.js/x"),
        *("x" * 300, "x/" * 3000 + "x", "%ff", "con:", "sw.js%0a", "\\..\\secret.txt"),
    ],
    ids=lambda path: path[:20],
)
def test_what_is_not_a_file_of_the_folder_is_404(get: Get, path: str) -> None:
    """The folder's outside does not exist."""
    assert get(path).status_code == 404


@pytest.mark.parametrize("path", ["pyqueue.js", "sw.js", "tasks.py", "pyodide/pyodide.asm.wasm", "nothing"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_no_answer_is_taken_for_what_it_is_not_or_by_another_site(get: Get, path: str, method: str) -> None:
    """Also if there is nothing, and if nothing has changed."""
    answer = get(path, method)
    again = get(path, if_none_match=answer.headers.get("etag", '""'))
    for one in (answer, again):
        assert one.headers["x-content-type-options"] == "nosniff"
        assert one.headers["cross-origin-resource-policy"] == "same-origin"


def test_other_methods_are_405(get: Get) -> None:
    """With the methods that are allowed."""
    answer = get("sw.js", "POST")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_the_worker_names_the_tasks_and_changes_with_them(get: Get, folder: Path, tasks: Path) -> None:
    """So the browser installs a new worker."""
    first = get("sw.js", accept_encoding="br, gzip")
    assert first.headers["content-encoding"] == "gzip"
    digest = hashlib.sha256(TASKS.encode()).hexdigest()
    line = f'self.PYQUEUE_TASKS = {{"url": "tasks.py", "sha256": "{digest}"}};\n'
    assert first.text == (folder / "sw.js").read_text() + "\n" + line
    rewrite(tasks, TASKS + "# changed\n")
    second = get("sw.js", if_none_match=first.headers["etag"])
    assert second.status_code == 200
    assert hashlib.sha256(get("tasks.py").content).hexdigest() in second.text


def test_all_who_ask_while_the_tasks_are_read_are_given_the_new_ones(get: Get, tasks: Path) -> None:
    """Else a page that knows a new task would have a worker that does not."""
    rewrite(tasks, TASKS + "import time\ntime.sleep(0.2)\n")
    with ThreadPoolExecutor(8) as pool:
        scripts = list(pool.map(get, ["sw.js"] * 8))
    digest = hashlib.sha256(tasks.read_bytes()).hexdigest()
    assert [digest in script.text for script in scripts] == [True] * 8


def test_the_page_is_told_what_is_declared(get: Get, folder: Path, tasks: Path) -> None:
    """Before any worker has started, and anew when it changes."""
    first = get("pyqueue.js")
    script, _, rest = first.text.partition("\nimport.meta.pyqueue.declare(")
    line, _, comment = rest.partition(");\n")
    assert (script.encode(), comment.encode()) == (SCRIPT, COMMENT)
    assert json.loads(line) == {
        "limits": {"payload_bytes": 1 << 20, "jobs": 10_000, "bytes": 100 << 20},
        "tasks": {},
    }
    assert get("pyqueue.js", accept_encoding="gzip").text == first.text
    assert get("pyqueue.js", if_none_match=first.headers["etag"]).status_code == 304
    rewrite(tasks, TASKS + "queue.http('a', 'POST', '/a', label='</script>\\u2028')\n")
    second = get("pyqueue.js", if_none_match=first.headers["etag"])
    assert second.status_code == 200
    assert '"a": {"label": "</script>\\u2028"}' in second.text


@pytest.mark.parametrize(
    "wrong",
    [
        "def (",
        "raise SystemExit",
        "from pyqueue import Queue\nqueue = Queue(timeout=-1)\n",
        "import js\n",
        "queue = 1\n",
        None,
    ],
)
def test_a_wrong_change_is_not_served(
    get: Get, tasks: Path, wrong: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """The last valid module stays until it is mended, and the log says why."""
    before = [get(name).content for name in ("tasks.py", "sw.js", "pyqueue.js")]
    if wrong is None:
        tasks.unlink()
    else:
        rewrite(tasks, wrong)
    assert [get(name).content for name in ("tasks.py", "sw.js", "pyqueue.js")] == before
    assert [record.message.endswith("the last valid version is served") for record in caplog.records] == [
        True
    ]
    tasks.touch()
    rewrite(tasks, TASKS + "# mended\n")
    assert get("tasks.py").text.endswith("# mended\n")


def rewrite(path: Path, text: str) -> None:
    """Writes a file so that its time of modification changes, however coarse the clock."""
    modified = path.stat().st_mtime_ns
    path.write_text(text)
    os.utime(path, ns=(modified + 10**9, modified + 10**9))


@pytest.mark.parametrize("length", [1, 255, 65_536, 65_537, 200_000])
def test_the_end_of_a_brotli_stream_can_be_changed_without_a_compressor(tmp_path: Path, length: int) -> None:
    """So that what a visitor downloads is as small with a line of the site's own as without."""
    code, line = b"let a = 1;" * 100, b"x" * (length - 1) + b"\n"
    compressor = brotli.Compressor()
    script = tmp_path / "a.js"
    script.write_bytes(code + COMMENT)
    compressed = compressor.process(code) + compressor.flush() + brotli_end(COMMENT)
    assert brotli.decompress(compressed) == code + COMMENT
    (tmp_path / "a.js.br").write_bytes(compressed)
    joined = join(script, line)
    assert brotli.decompress(joined["br"]()) == joined["identity"]() == code + b"\n" + line + COMMENT


def test_without_tasks_the_scripts_are_as_built(folder: Path) -> None:
    """On a static host the URL names them."""
    app = assets(directory=folder)

    async def request() -> list[httpx.Response]:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost"
        ) as client:
            client.headers["accept-encoding"] = "gzip"
            return [await client.get(f"/{name}") for name in ("sw.js", "pyqueue.js", "tasks.py")]

    worker, page, tasks = asyncio.run(request())
    assert worker.content == page.content == b"stale once there are tasks"
    assert tasks.status_code == 404


def test_what_cannot_be_served_is_said_at_once(folder: Path, tmp_path: Path) -> None:
    """With the remedy."""
    with pytest.raises(DeclarationError, match=r"build\.py dist"):
        assets(directory=tmp_path)
    with pytest.raises(DeclarationError, match="cannot be read"):
        assets(tmp_path / "none.py", folder)
    (tmp_path / "broken.py").write_text("def (")
    with pytest.raises(DeclarationError, match=r"broken\.py, line 1: it is not valid Python"):
        assets(tmp_path / "broken.py", folder)


def test_install_copies_the_folder_and_joins_the_tasks(
    folder: Path, tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice is as good as once, and no compressed copy contradicts what was made."""
    monkeypatch.setattr(static, "BUILT", folder)
    for _ in range(2):
        target = static.install(tmp_path / "site", tasks)
    assert (target / "pyodide/pyodide.asm.wasm").read_bytes() == b"\0asm"
    assert (target / "tasks.py").read_text() == TASKS
    assert (target / "sw.js").read_text().count("PYQUEUE_TASKS") == 1
    assert (target / "pyqueue.js").read_text().count("pyqueue.declare(") == 1
    for script in ("sw.js", "pyqueue.js"):
        copy = gzip.decompress((target / f"{script}.gz").read_bytes())
        assert copy == (target / script).read_bytes()
    assert not (target / "sw.js.br").exists()
    assert (target / "pyqueue.js.br").read_bytes().startswith(b"flushed")
    assert (target / "pyodide/pyodide.mjs.br").exists()


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    """In one sentence, with the exit status 1."""
    command = [
        sys.executable,
        "-m",
        "pyqueue",
        "install-assets",
        str(tmp_path / "site"),
        "--tasks",
        "none.py",
    ]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: ")
    assert not (tmp_path / "site").exists()


def test_the_server_half_does_not_import_a_framework() -> None:
    """Nor anything of a browser's."""
    script = (
        "import sys, pyqueue.server; assert not {'starlette', 'js', 'pyodide', 'httpx'} & sys.modules.keys()"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
