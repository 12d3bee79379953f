"""The benchmark: pyqueue beside its peers, in the same browser, against the same server."""
