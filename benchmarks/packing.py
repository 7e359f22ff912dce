"""Trials that share a GPU as `resources: {gpu: auto}` lets them, beside one trial at a time on the whole GPU.

python -m benchmarks.packing
python -m benchmarks.packing --method hub_vae --data mnist --trials 32 --epochs 20

On a machine without a GPU it says so and measures nothing.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import torch
import yaml

from benchmarks.quiet import silenced
from orchestrator import sweep
from orchestrator.records import ledger
from orchestrator.records.ledger import Ledger


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Run and print. Returns the figures: trials a minute, and the ratio; nothing without a GPU."""
    options = _parser().parse_args(arguments)
    if not torch.cuda.is_available():
        print("packing: torch sees no GPU here, and there is nothing to measure")
        return {}
    with tempfile.TemporaryDirectory() as folder:
        packed = throughput(Path(folder), options, "auto")
        alone = throughput(Path(folder), options, 1)
        needs = _needs(Path(folder))
    figures = {"packed, trials a minute": packed, "one at a time": alone, "packed / one at a time": packed / alone}
    print(f"packing: {options.trials} trials of {options.method} on {options.data}, {torch.cuda.get_device_name()}")
    for name, value in (needs | figures).items():
        print(f"  {name}: {value:.3g}")
    return figures


def throughput(folder: Path, options: argparse.Namespace, gpu: Any) -> float:
    """Trials a minute, from the first one's start to the last one's end: processes have started by then, for most."""
    study = {
        "data": options.data,
        "methods": [options.method],
        "trials": options.trials,
        "seeds": 1,
        "search": "random",
        "early_stopping": None,
        "resources": {"cpu": options.cpu, "gpu": gpu},
        "fixed": {"network": options.network, "epochs": options.epochs},
        "space": {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}},
    }
    name = f"gpu_{gpu}"
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(study))
    places = ["--results", str(folder), "--tracking-uri", f"sqlite:///{folder}/mlflow.db", "--fresh"]
    with silenced():
        sweep.main([str(folder / f"{name}.yaml"), *places])
    ended = [record for record in Ledger(folder / name).records() if record.status == ledger.FINISHED]
    took = max(record.ended for record in ended) - min(record.started for record in ended)
    return len(ended) / (took / 60_000)


def _needs(folder: Path) -> dict[str, float]:
    """What was measured of a trial, as parts of the GPU."""
    (entry,) = json.loads((folder / "gpu_auto" / "gpu_shares.json").read_text()).values()
    (need,) = entry["needs"].values()
    return {name: need[name] for name in ("memory", "context", "busy")}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.packing", description=__doc__.splitlines()[0])
    parser.add_argument("--method", default="vae", help="what is trained (default: vae)")
    parser.add_argument("--data", default="digits", help="on which data set (default: digits)")
    parser.add_argument("--network", default="gated_mlp", help="with which network (default: gated_mlp)")
    parser.add_argument("--trials", type=int, default=32, help="of each study (default: 32)")
    parser.add_argument("--epochs", type=int, default=100, help="of a trial (default: 100)")
    parser.add_argument("--cpu", type=float, default=1, help="of a trial (default: 1)")
    return parser


if __name__ == "__main__":
    main()
