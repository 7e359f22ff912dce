"""Trials on machines: processes, clusters, early stops, what is spent and what is reused."""
