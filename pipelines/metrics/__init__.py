"""One yardstick for every method: tensors in, floats out. `evaluate.py` applies all of it to a split.

`metric.py` says what every number is, in which unit, and whether more of it is better.
"""
