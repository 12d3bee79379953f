#!/usr/bin/env python3
"""The one command: makes what is needed, then serves, tests, checks or packs. Needs only a Python >= 3.11.

python3 build.py serve    the demo, on this machine
python3 build.py test     every test; what follows `--` goes to pytest
python3 build.py check    style and types
python3 build.py bench    pyqueue beside its peers; --case NAME --rounds N --json FILE
python3 build.py faults   processes killed at their work; --server --store NAME --rounds N
python3 build.py simulate worlds in which everything goes wrong; --seed N --rounds N
python3 build.py dist     the wheel and the static bundle, in dist/
"""

import sys

if sys.version_info < (3, 11):
    sys.exit("build.py: This is Python %d.%d; pyqueue needs 3.11 or newer." % sys.version_info[:2])

import argparse
import os
import subprocess

from building import environment
from building.paths import PYTHON, ROOT
from building.process import Failure, say
from building.stamp import build_lock


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="build.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve the demo")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8000)
    test = commands.add_parser("test", help="run the tests")
    test.add_argument("pytest", nargs="*", metavar="-- argument", help="an argument of pytest")
    commands.add_parser("check", help="check style and types")
    commands.add_parser("bench", help="measure pyqueue beside its peers", add_help=False)
    commands.add_parser(
        "faults", help="kill processes at their work, and count what it costs", add_help=False
    )
    simulate = commands.add_parser("simulate", help="check the promises in simulated worlds")
    simulate.add_argument("--seed", type=int, default=0, help="of the first world")
    simulate.add_argument("--rounds", type=int, default=100, help="how many worlds")
    commands.add_parser("dist", help="build the wheel and the static bundle")
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command not in ("bench", "faults"):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    return options


def perform(options: argparse.Namespace) -> int:
    """Does what was asked, inside the environment. The modules imported here need what is installed there."""
    from building import (
        bench,
        browser,
        check,
        databases,
        dist,
        faults,
        node,
        serve,
        simulate,
        static,
        vocabulary,
    )

    if options.command == "simulate":
        simulate.run(options.seed, options.rounds)
        return 0
    if options.command == "faults":
        return faults.faults(options.rest)
    with build_lock():
        node.ensure_packages()
        vocabulary.ensure()
        if options.command != "check":
            static.ensure()
    if options.command == "check":
        check.run_all()
        return 0
    if options.command == "dist":
        dist.build()
        return 0
    if options.command == "bench":
        return bench.bench(options.rest)
    if options.command == "serve":
        return serve.serve(options.host, options.port)
    browser.ensure(options.pytest)
    databases.ensure_databases()
    return subprocess.call([sys.executable, "-m", "pytest", *options.pytest], cwd=ROOT)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    try:
        if environment.is_active():
            return perform(options)
        with build_lock():
            environment.ensure()
        command = [str(PYTHON), str(ROOT / "build.py"), *arguments]
        if os.name == "posix":
            os.execv(PYTHON, command)  # in this process's place: a signal to it reaches the one that works
        return subprocess.call(command)
    except Failure as failure:
        say(str(failure))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
