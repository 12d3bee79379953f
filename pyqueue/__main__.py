"""`python -m pyqueue`: the browser files for a static host, and the idempotency keys of a site."""

from __future__ import annotations

import argparse
import sys

from ._errors import PyqueueError
from .server import keys_command
from .server.static import install


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m pyqueue", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    copy = commands.add_parser("install-assets", help="copy the browser files to a folder")
    copy.add_argument("directory", metavar="DIR", help="the folder, made when it is missing")
    copy.add_argument("--tasks", metavar="FILE", help="the site's tasks module, copied beside them")
    copy.set_defaults(run=_install)
    keys_command.add(commands.add_parser("keys", help="look up, count and forget idempotency keys"))
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # Keys and names may have characters that the terminal has not.
            stream.reconfigure(errors="backslashreplace")
    try:
        status: int = options.run(options)
    except (PyqueueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return status


def _install(options: argparse.Namespace) -> int:
    folder = install(options.directory, options.tasks)
    print(f"Copied the browser files to {folder}")
    print('Load them with <script type="module" src="/pyqueue/pyqueue.js"></script>, if that is its path.')
    return 0


if __name__ == "__main__":
    sys.exit(main())
