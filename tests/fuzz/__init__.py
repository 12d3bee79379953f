"""Parsers of what comes in, fed by coverage: see targets.py, and `python -m tests.fuzz`."""
