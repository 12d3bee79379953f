"""The steps behind build.py, a file for each concern.

`environment` and `process` run on any Python, before anything is installed; the other modules may import what
`environment` installs.
"""
