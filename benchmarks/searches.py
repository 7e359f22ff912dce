"""What a search of 500 calls takes, decoder given, on one thread, beside one by BoTorch (`bo`) with the same knowledge.

Seconds are those of the processor, so that other work on the machine counts little. The target is one that no optimizer
finds, so that all searches go on to their end; the decoder is trained first, in about half a minute. All takes five
minutes.

python -m benchmarks.searches
"""

from __future__ import annotations

import time

import torch
from threadpoolctl import threadpool_limits

from lso import decoders, optimizers
from lso.search import Search
from lso.tasks.expression import Expression

TARGET = "exp( sin( x + x ) * 2 ) + 3 / 3"
CALLS = 500
SEARCHES = (
    ("portfolio", "descriptor"),
    ("portfolio", "black_box"),
    ("local", "descriptor"),
    ("local", "black_box"),
    ("hybrid", "descriptor"),
    ("ga", "black_box"),
)


def main() -> None:
    torch.set_num_threads(1)
    task = Expression(TARGET)
    with threadpool_limits(1):
        stock = {kind: _seconds(task, "bo", kind) for kind in ("descriptor", "black_box")}
        print(f"processor seconds of {CALLS} calls, and their ratio to those of bo: {stock}")
        for name, kind in SEARCHES:
            seconds = _seconds(task, name, kind)
            print(f"  {name:<10} {kind:<10} {seconds:>6.1f}  {seconds / stock[kind]:>6.3f}")


def _seconds(task: Expression, optimizer: str, knowledge: str) -> float:
    """Of a search with seed 0."""
    space = decoders.load(decoders.default(task, "tlbo", 0), task)
    search = Search(task, space, task.start("tlbo", 0), optimizer=optimizer, budget=CALLS, knowledge=knowledge)
    start = time.process_time()
    optimizers.run(optimizer, search)
    return (time.process_time() - start) * CALLS / search.unique_calls


if __name__ == "__main__":
    main()
