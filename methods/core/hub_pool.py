"""Which training rows are good hubs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import isqrt

import torch
from jaxtyping import Float, Int
from torch import Tensor

from methods.core import hubs
from methods.core.base import Decoder, Split

Worth = Callable[[Int[Tensor, "n"], Int[Tensor, "n k"]], Float[Tensor, "n k"]]
"""From rows, and the neighbors of each, to what every neighbor is worth to that row."""
