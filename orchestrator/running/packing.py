"""`resources: {gpu: auto}`: how many trials of a branch share a GPU, by what they take of it.

Before the first trial, each branch that has trials left is measured by a Ray task with a GPU of its own, on every kind
of card that the cluster has at that moment; the kind on which a branch needs the larger share decides. What was
measured stays beside the study's records, so that the next start measures only what is new: branches, settings, code,
cards. The time that this takes counts for no budget.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError

from orchestrator.definition.largest import largest
from orchestrator.definition.study import Study
from orchestrator.records.gpu_shares import GpuShares, Need
from orchestrator.running import cluster, code_version, gpu_nodes
from orchestrator.running.gpu_meter import CUDA, Meter, NoGpu
from orchestrator.running.gpu_need import need
from orchestrator.running.gpu_nodes import Node
from pipelines import artifact, console
from pipelines.datasets.dataset import Dataset, to_arrays

MARGIN = 1.2
"""Times the memory that was measured: later epochs may need more than the first steps. Time needs no margin, since
trials that compete for it get slower and do not fail."""

MOST = 8
"""Trials on a GPU: each has a context of some hundred MiB, and the GPU turns from one to the next."""


def share(memory: float, busy: float, most: int) -> float:
    """The part of a GPU that a trial gets: 1 / n, where n trials have room on it and `most` is the largest n.

    Args:
        memory: that the trial holds at most, as a part of the card's.
        busy: the part of the time in which it keeps the GPU busy alone.
        most: trials that may share the GPU in any case.
    """
    wanted = max(MARGIN * memory, busy, 1 / most)
    count = max(1, int(1 / wanted + 1e-9))
    return int(10_000 / count) / 10_000  # as Ray counts: n times what it rounds up would be more than a GPU


def described(shares: Mapping[str, float]) -> str:
    """Branches by their share.

    >>> described({"ae": 0.125, "vae": 0.125, "hub_vae": 0.5})
    '0.125 (ae, vae), 0.5 (hub_vae)'
    """
    groups: dict[float, list[str]] = defaultdict(list)
    for branch, part in shares.items():
        groups[part].append(branch)
    return ", ".join(f"{part:g} ({', '.join(groups[part])})" for part in sorted(groups))


@dataclass(frozen=True)
class Packing:
    """Finds out the shares of a study.

    Attributes:
        study: its definition.
        data: the data sets, under the names that trials have for them.
        shares: where they go, with what was measured.
        meter: of a GPU.
    """

    study: Study
    data: Mapping[str, Dataset]
    shares: GpuShares
    meter: Meter = CUDA

    def settle(self, branches: Iterable[str], look: Callable[[], None]) -> None:
        """Assign a share to each of these branches, on the cluster that this process has joined.

        Without a GPU in the cluster it is 0, unless an autoscaler can bring one: then this waits for it. A branch that
        cannot be measured, such as one that a GPU has no room for, gets whole ones.

        Args:
            branches: their names.
            look: called several times a second; what it raises ends the waiting.

        Raises:
            BadInput: no CPU for a trial, GPUs that torch does not see, or what was measured cannot be kept.
        """
        nodes, names = gpu_nodes.by_card(look), list(branches)
        cluster.slots(self.study.resources.cpu, 1.0 if nodes else 0.0)
        if not nodes:
            _say("resources.gpu is auto, but the cluster has no GPU: trials train on CPUs")
            return
        failed = self._measure(names, nodes, look)
        most = min(MOST, *(gpu_nodes.room(node, self.study.resources.cpu) for kind in nodes.values() for node in kind))
        for branch in names:
            self.shares.assign(branch, 1.0 if branch in failed else self._share(branch, list(nodes), most))
        _say(f"a trial's share of a GPU: {described({branch: self.shares[branch] for branch in names})}")

    def _share(self, branch: str, cards: Iterable[str], most: int) -> float:
        known = self._known(branch)
        return max(share(known[card].memory, known[card].busy, most) for card in cards)

    def _measure(self, branches: Iterable[str], nodes: Mapping[str, list[Node]], look: Callable[[], None]) -> set[str]:
        """Measure what is not known yet. Returns the branches where that was not possible."""
        left = [(branch, card) for branch in branches for card in nodes if card not in self._known(branch)]
        if not left:
            return set()
        _say(f"measuring what trials take of a GPU: {', '.join(dict(left))} on {' and '.join(nodes)} …")
        if ray.available_resources().get("GPU", 0) < 1:
            _say("no GPU is free for that now: waiting until one is")
        running = self._started(left, nodes)
        failed = set()
        with console.progress() as bar:
            for promise in bar.track(gpu_nodes.finished(list(running), look), len(running), description="measured"):
                branch, card = running[promise]
                found = _told(promise, branch)
                if found is None:
                    failed.add(branch)
                else:
                    self.shares.keep(branch, card, found)
        return failed

    def _started(self, left: Iterable[tuple[str, str]], nodes: Mapping[str, list[Node]]) -> dict[Any, tuple[str, str]]:
        """Measurements of branches on cards, as promises."""
        arrays = {name: ray.put(to_arrays(dataset)) for name, dataset in self.data.items()}
        started = {}
        for place, (branch, card) in enumerate(left):
            node = nodes[card][place % len(nodes[card])]
            task = gpu_nodes.on(node, cpus=self.study.resources.cpu, gpus=1, soft=True)(need)
            default, most = self._extremes(branch)
            started[task.remote(default, most, arrays[default["data"]], self.meter)] = (branch, card)
        return started

    def _known(self, branch: str) -> dict[str, Need]:
        """What was measured of a branch as it is now."""
        default, most = self._extremes(branch)
        checksum, torch = self.data[default["data"]].checksum, artifact.versions()["torch"]
        text = json.dumps([default, most, code_version.version(default), checksum, torch], sort_keys=True)
        return self.shares.needs(branch, hashlib.sha256(text.encode()).hexdigest()[:16])

    def _extremes(self, branch: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """All settings of the default configuration, and of the largest."""
        default = self.study.trial(branch, self.study.defaults(branch), seed=0)
        return default.settings(), self.study.trial(branch, largest(self.study, branch), seed=0).settings()


def _told(promise: Any, branch: str) -> Need | None:
    """What a measurement found; None with a line where it failed."""
    try:
        return ray.get(promise)
    except RayError as error:
        cause = getattr(error, "cause", None) or error
        if isinstance(cause, NoGpu):
            raise NoGpu(str(cause)) from error
        reason = str(cause).strip().splitlines()[-1]
        _say(f"{branch} cannot be measured ({reason}): its trials get a whole GPU each")
        return None


def _say(sentence: str) -> None:
    console.ERR.print(sentence, markup=False, soft_wrap=True)
