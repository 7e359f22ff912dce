"""The nodes of a cluster that have GPUs, by the kind of their cards, and tasks on them."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import ray

from orchestrator.running import cluster
from pipelines import console

Node = Mapping[str, Any]
"""A node as `ray.nodes` tells of it."""

_LOOK = 0.3  # seconds between two looks at whether to stop


def by_card(look: Callable[[], None]) -> dict[str, list[Node]]:
    """The nodes with GPUs, by the names and the memory of their cards.

    Where there are none and an autoscaler can bring one, this waits until it has.

    Args:
        look: called several times a second; what it raises ends the waiting.
    """
    if to_come():
        console.ERR.print("waiting for a node with a GPU, which the autoscaler starts (ray status says how far it is)")
        next(finished([ray.remote(num_gpus=1, num_cpus=0)(_nothing).remote()], look))
    nodes = _with_gpus()
    asked = {on(node, cpus=0, gpus=0, soft=False)(_cards).remote(): node for node in nodes}
    found: dict[str, list[Node]] = defaultdict(list)
    for promise in finished(list(asked), look):
        node = asked[promise]
        found[ray.get(promise) or _label(node)].append(node)
    return dict(found)


def to_come() -> bool:
    """Whether there is no GPU now, but an autoscaler that can bring one."""
    return not _with_gpus() and cluster.may_bring_gpus()


def room(node: Node, cpu: float) -> int:
    """Trials of so many CPUs for each GPU of a node: as many as it has CPUs for, and one in any case."""
    resources = node["Resources"]
    return max(1, int(resources.get("CPU", 0) / (resources["GPU"] * cpu) + 1e-9))


def on(node: Node, *, cpus: float, gpus: float, soft: bool) -> Any:
    """Makes a function a task on this node; where that is `soft`, on another once this one is gone."""
    here = cluster.affinity(node, soft=soft)
    return ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=1, scheduling_strategy=here)


def finished(promises: Sequence[Any], look: Callable[[], None]) -> Iterator[Any]:
    """These promises, each as soon as it is over."""
    left = list(promises)
    while left:
        done, left = ray.wait(left, num_returns=1, timeout=_LOOK)
        look()
        yield from done


def _with_gpus() -> list[Node]:
    return [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("GPU", 0) > 0]


def _label(node: Node) -> str:
    """What Ray calls the cards of a node, which is less than their full name; `GPU` where it has no name."""
    labels = (name.partition(":")[2] for name in node["Resources"] if name.startswith("accelerator_type:"))
    return next(labels, "GPU")


def _cards() -> str:
    """Names and memory of this machine's cards, as NVIDIA's driver tells them; empty without it."""
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return "; ".join(sorted({line.strip() for line in told.splitlines()}))


def _nothing() -> None:
    """What a task does that only waits for its place."""
