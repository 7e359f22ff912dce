"""All benchmarks, one after another: python -m benchmarks.run"""

from __future__ import annotations

import platform

import torch

from benchmarks import packing, tracking_cost, training_loop, trial_overhead


def main() -> None:
    print(f"Python {platform.python_version()}, torch {torch.__version__}, {torch.get_num_threads()} threads\n")
    for benchmark in (training_loop, trial_overhead, tracking_cost, packing):
        benchmark.main()
        print()


if __name__ == "__main__":
    main()
