"""Ray, started on this machine or joined."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# Ray reads this when it is imported: a trial's process that died is told of in a sentence that names the trial.
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "A worker died or was killed")

import ray
import yaml
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from methods.core.errors import BadInput

_SECONDS = 10.0  # for the first answer of a cluster

_LAUNCHED = Path("~/ray_bootstrap_config.yaml")
"""Where Ray's cluster launcher leaves its configuration on the head."""

# Tune's own records and loggers are not used, and neither is its answer to Ctrl-C, which is to wait for trials. A few
# trials are always kept pending, so that a process that gets free finds its next one at once.
_TUNE = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_MAX_PENDING_TRIALS_PG": "4",
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
}


def address(given: str | None) -> str:
    """Where Ray runs: `given`, else $RAY_ADDRESS, else this machine alone."""
    return given or os.environ.get("RAY_ADDRESS") or "local"


@contextlib.contextmanager
def started(where: str) -> Iterator[None]:
    """Ray, for as long as the block runs.

    Raises:
        BadInput: no cluster at that address.
    """
    logging.getLogger("ray").setLevel(logging.ERROR)
    for name, value in _TUNE.items():
        os.environ.setdefault(name, value)
    try:
        _knock(where)
        ray.init(address=where, logging_level=logging.ERROR, log_to_driver=False, include_dashboard=_dashboard(where))
    except Exception as error:  # Ray raises `Exception` itself where a node does not start in time
        reason = str(error).strip().splitlines()[0]
        if where == "local":
            raise BadInput(f"Ray does not start here ({reason}): try again when the machine has less to do") from error
        raise BadInput(f"no Ray cluster at {where!r} ({reason}): start one, or leave out --address") from error
    try:
        yield
    finally:
        ray.shutdown()


def slots(cpu: float, gpu: float) -> int:
    """How many trials of these resources the cluster runs at once.

    Raises:
        BadInput: not even one.
    """
    have = ray.cluster_resources()
    by_cpu = have.get("CPU", 0) / cpu
    by_gpu = have.get("GPU", 0) / gpu if gpu else float("inf")
    count = int(min(by_cpu, by_gpu) + 1e-9)
    if count < 1 and not _may_grow():
        raise BadInput(
            f"a trial needs {cpu:g} CPU and {gpu:g} GPU, but Ray has {have.get('CPU', 0):g} CPU and "
            f"{have.get('GPU', 0):g} GPU: lower `resources` in the study (--set resources.gpu=0)"
        )
    return max(count, 1)


def check_storage(folder: Path) -> None:
    """Make sure that all nodes see `folder`.

    Raises:
        BadInput: a node does not, and would lose its trials' records.
    """
    nodes = [node for node in ray.nodes() if node["Alive"]]
    if len(nodes) < 2:
        return
    token = folder / f".seen-{uuid.uuid4().hex}"
    token.touch()
    try:
        seen = ray.get([_ask(node, str(token)) for node in nodes])  # at once: each starts a process first
    finally:
        token.unlink()
    blind = [node["NodeManagerHostname"] for node, sees in zip(nodes, seen, strict=True) if not sees]
    if blind:
        raise BadInput(
            f"the node {blind[0]} does not see {folder}: put the results on storage that all nodes "
            "share, with --results /shared/…"
        )


def _ask(node: Mapping[str, Any], path: str) -> Any:
    """Whether a node sees a file, as a promise."""
    return ray.remote(num_cpus=0, scheduling_strategy=affinity(node))(os.path.exists).remote(path)


def affinity(node: Mapping[str, Any], *, soft: bool = False) -> NodeAffinitySchedulingStrategy:
    """Puts a task on a node that `ray.nodes` tells of; where that is `soft`, on another once this one is gone."""
    return NodeAffinitySchedulingStrategy(node["NodeID"], soft=soft)


def _knock(where: str) -> None:
    """One short attempt to reach a cluster: Ray's own take minutes."""
    host, _, port = where.rpartition(":")
    if host and port.isdigit() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=_SECONDS).close()


def _dashboard(where: str) -> bool | None:
    return False if where == "local" else None


def _may_grow() -> bool:
    """Whether an autoscaler may bring the resources that are missing now."""
    return _LAUNCHED.expanduser().exists()


def may_bring_gpus() -> bool:
    """Whether an autoscaler knows a kind of node that has GPUs."""
    if not _may_grow():
        return False
    kinds = yaml.safe_load(_LAUNCHED.expanduser().read_text()).get("available_node_types", {}).values()
    return any(kind.get("resources", {}).get("GPU", 0) > 0 and kind.get("max_workers", 1) > 0 for kind in kinds)
