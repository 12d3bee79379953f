"""The queue's ports over what a browser has. The only modules that import `js` or `pyodide`."""
