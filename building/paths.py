"""Where things are in the checkout."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
WORKER = ROOT / "worker"
DEMO = WEB / "demo"
NODE_MODULES = WORKER / "node_modules"
STATIC = ROOT / "pyqueue" / "static"
DIST = ROOT / "dist"
PYPROJECT = ROOT / "pyproject.toml"
REQUIREMENTS = ROOT / "requirements"

CACHE = ROOT / "build"
"""What later builds reuse. It may be deleted at any time."""

VENV = ROOT / ".venv"
SCRIPTS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = SCRIPTS / ("python.exe" if os.name == "nt" else "python")
