"""What every node of a Ray cluster has: versions, disk, GPUs, and whether it sees the results folder."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray

from orchestrator.running import cluster

PACKAGES = ("ray", "torch", "numpy", "latent-orchestra")
_SECONDS = 120.0  # for the first process on a node, which imports torch


@dataclass(frozen=True)
class Node:
    """A node as it sees itself.

    Attributes:
        name: of the machine.
        versions: of Python, of the packages that decide results, and of the code of a simple trial.
        gpus: names of the GPUs that torch sees.
        granted: GPUs that Ray counts on the node.
        free_gib: free disk for temporary files.
        sees_results: whether the results folder is there.
    """

    name: str
    versions: Mapping[str, str]
    gpus: tuple[str, ...]
    granted: float
    free_gib: float
    sees_results: bool


def here(results: str, granted: float = 0.0) -> Node:
    """This machine."""
    import torch  # not above: the module is imported on machines that only launch

    from orchestrator.running import code_version

    gpus = tuple(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count()))
    settings = {"method": "vae", "data": "digits", "network": "mlp"}
    versions = {"python": platform.python_version(), "code": code_version.version(settings)}
    versions |= {name: _version(name) for name in PACKAGES}
    free = shutil.disk_usage(tempfile.gettempdir()).free / 2**30
    return Node(platform.node(), versions, gpus, granted, free, os.path.isdir(results))


def all_of(results: Path) -> list[Node]:
    """Every node of the cluster that this process has joined.

    Raises:
        TimeoutError: a node does not answer.
    """
    asked = [_ask(node, results) for node in ray.nodes() if node["Alive"]]
    return [Node(**found) for found in ray.get(asked, timeout=_SECONDS)]


def _ask(node: Mapping[str, Any], results: Path) -> Any:
    # Without GPUs of its own it sees all of them.
    task = ray.remote(num_cpus=0, scheduling_strategy=cluster.affinity(node))(_answer)
    return task.remote(str(results), float(node["Resources"].get("GPU", 0)))


def _answer(results: str, granted: float) -> dict[str, Any]:
    return vars(here(results, granted)) | {}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package).partition("+")[0]  # nodes may have builds for CPUs or GPUs
    except importlib.metadata.PackageNotFoundError:
        return "none"
