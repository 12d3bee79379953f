"""`python -m pyqueue`: puts the browser files where a static host serves them."""

from __future__ import annotations

import argparse
import sys

from ._errors import DeclarationError
from .server.static import install


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m pyqueue", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    copy = commands.add_parser("install-assets", help="copy the browser files to a folder")
    copy.add_argument("directory", metavar="DIR", help="the folder, made when it is missing")
    copy.add_argument("--tasks", metavar="FILE", help="the site's tasks module, copied beside them")
    options = parser.parse_args(arguments)
    try:
        folder = install(options.directory, options.tasks)
    except (DeclarationError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"Copied the browser files to {folder}")
    print('Load them with <script type="module" src="/pyqueue/pyqueue.js"></script>, if that is its path.')
    return 0


if __name__ == "__main__":
    sys.exit(main())
