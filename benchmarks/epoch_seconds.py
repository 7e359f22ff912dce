"""Seconds an epoch of every method, relative to the VAE's: one process, the same network, batch and data.

Seconds are those of the processor, on one thread, so that other work on the machine counts little.

python -m benchmarks.epoch_seconds [METHOD ...]
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch
from tqdm import tqdm

import methods
from pipelines import datasets
from pipelines.training import Training
from pipelines.trial import trial

RESULTS = Path(__file__).with_suffix(".json")
SETTINGS = {"data": "usps", "network": "gated_mlp", "latent": 40, "epochs": 1000, "batch_size": 100}
WARMING, ROUNDS = 2, 3  # epochs: the first ones of some methods are unlike the others


def main(chosen: list[str] | None = None) -> dict[str, float]:
    """Run, print and keep in `epoch_seconds.json`. Returns the ratios."""
    torch.set_num_threads(1)
    names = ["vae", *sorted(set(chosen or methods.names()) - {"vae"})]
    seconds = _seconds(names)
    ratios = {name: value / seconds["vae"] for name, value in seconds.items()}
    print(f"seconds an epoch / VAE's ({seconds['vae']:.2f} s): USPS, gated_mlp, batch 100, one thread")
    for name, ratio in sorted(ratios.items(), key=lambda item: item[1]):
        print(f"  {name:<18} {ratio:6.2f}")
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    rounded = {name: round(ratio, 2) for name, ratio in ratios.items()}
    RESULTS.write_text(json.dumps(kept | rounded, indent=1, sort_keys=True) + "\n")
    return ratios


def _seconds(names: list[str]) -> dict[str, float]:
    """The fastest of several epochs, a VAE's epoch and one of each other method in turn."""
    dataset = datasets.load(str(SETTINGS["data"]))
    runs = {name: Training(trial(SETTINGS | {"method": name}), dataset, torch.device("cpu")) for name in names}
    best = dict.fromkeys(names, float("inf"))
    for epoch in tqdm(range(WARMING + ROUNDS), unit="round"):
        for name, run in runs.items():
            start = time.process_time()
            run.epoch()
            if epoch >= WARMING:
                best[name] = min(best[name], time.process_time() - start)
    return best


if __name__ == "__main__":
    main(sys.argv[1:] or None)
