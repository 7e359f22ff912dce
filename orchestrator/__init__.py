"""Studies on Ray Tune, recorded in MLflow; with `lso/run.py`, the only place that knows either.

The modules here are commands. What they are made of is in packages, which import each other in this order: `definition`
(what a study is) ← `records` (what is kept of trials) ← `search` (which trial comes next) ← `running` (trials on
machines). `comparison` (what came out) reads definitions and records.
"""
