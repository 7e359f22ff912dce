"""What every data set must be before anything is trained on it."""

from __future__ import annotations

import torch

from methods.core.base import Data, Split
from methods.core.errors import BadInput


def check(data: Data) -> None:
    """Make sure that values are finite, and that the training rows differ.

    Raises:
        BadInput: names the split, the rule and the first value that breaks it.
    """
    for name in ("train", "valid", "test"):
        split: Split = getattr(data, name)
        if len(split) == 0:
            raise BadInput(f"the split {name!r} has no rows: check how the data were read")
        if not split.symbols:
            _check_values(name, split.x)
            if split.grey is not split.x:
                _check_values(name, split.grey)
    first = data.train.grey[0]
    if len(data.train) > 1 and bool((data.train.grey == first).all()):
        raise BadInput(
            f"all {len(data.train)} training rows are the same (their first value is {first.flatten()[0].item():g}): "
            "there is nothing to learn from them; check how the data were read"
        )


def _check_values(name: str, values: torch.Tensor) -> None:
    if bool(values.isfinite().all()):
        return
    bad = ~values.isfinite()
    row = int(bad.flatten(1).any(1).nonzero()[0])
    value = values[row][bad[row]][0].item()
    raise BadInput(f"values must be finite: row {row} of the split {name!r} has {value}; mend the data")
