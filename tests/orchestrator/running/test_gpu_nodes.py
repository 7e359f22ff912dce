"""Nodes with GPUs, told of and not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import ray

from orchestrator.running import cluster, gpu_nodes

TWO_CARDS = "printf 'NVIDIA L4, 23034 MiB\\nNVIDIA L4, 23034 MiB\\n'"


def node(name: str, **resources: float) -> dict[str, Any]:
    return {"NodeID": name, "Alive": True, "Resources": resources}


class Cluster:
    """A cluster whose tasks are done at once; an autoscaler brings a node when one is asked for."""

    def __init__(self, patch: pytest.MonkeyPatch, nodes: list[dict[str, Any]], coming: dict[str, Any] | None) -> None:
        self.nodes, self.coming = nodes, coming
        patch.setattr(ray, "nodes", lambda: self.nodes)
        patch.setattr(ray, "get", lambda card: card)
        patch.setattr(ray, "remote", self._remote)
        patch.setattr(cluster, "may_bring_gpus", lambda: coming is not None)
        patch.setattr(gpu_nodes, "on", lambda node, **more: lambda task: Asked(node["NodeID"]))
        patch.setattr(gpu_nodes, "finished", self._finished)

    def _remote(self, num_gpus: float, num_cpus: float) -> Callable[[Any], Any]:
        assert (num_gpus, num_cpus) == (1, 0)
        return lambda task: Asked("the next node")

    def _finished(self, promises: Sequence[Any], look: Callable[[], None]) -> Iterator[Any]:
        if list(promises) == ["the next node"]:
            assert self.coming is not None
            self.nodes = [*self.nodes, self.coming]
        return iter(promises)


class Asked:
    """A task whose answer is known."""

    def __init__(self, answer: str) -> None:
        self.remote = lambda: answer


def never() -> None:
    """Look whether to stop, and do not."""


def test_nodes_with_gpus_are_told_by_their_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [node("L4", CPU=8, GPU=1), node("head", CPU=2), node("A100", CPU=8, GPU=4)]
    nodes.append(node("L4", CPU=4, GPU=1) | {"Alive": False})
    Cluster(monkeypatch, nodes, None)
    assert gpu_nodes.by_card(never) == {"L4": [nodes[0]], "A100": [nodes[2]]}


def test_without_gpus_there_is_nothing_to_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    Cluster(monkeypatch, [node("head", CPU=2)], None)
    assert not gpu_nodes.to_come()
    assert gpu_nodes.by_card(never) == {}


def test_an_autoscaler_is_asked_for_a_gpu_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    coming = node("L4", CPU=8, GPU=1)
    Cluster(monkeypatch, [node("head", CPU=0)], coming)
    assert gpu_nodes.to_come()
    assert gpu_nodes.by_card(never) == {"L4": [coming]}


@pytest.mark.parametrize(("script", "cards"), [(TWO_CARDS, "NVIDIA L4, 23034 MiB"), ("exit 9", "")])
def test_cards_are_named_by_the_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, cards: str
) -> None:
    (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert gpu_nodes._cards() == cards


@pytest.mark.parametrize(
    ("resources", "name"), [({"GPU": 1.0, "accelerator_type:L4": 1.0}, "L4"), ({"GPU": 1.0, "CPU": 2.0}, "GPU")]
)
def test_cards_that_the_driver_does_not_name_are_called_as_ray_does(resources: dict[str, float], name: str) -> None:
    assert gpu_nodes._label({"Resources": resources}) == name


def test_whether_to_stop_is_looked_at_while_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(ray, "wait", lambda left, num_returns, timeout: ([], left))
    with pytest.raises(KeyboardInterrupt):
        list(gpu_nodes.finished(["a promise"], look))
    assert len(looks) == 3


def test_promises_come_as_they_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "wait", lambda left, num_returns, timeout: (left[-1:], left[:-1]))
    assert list(gpu_nodes.finished(["one", "two", "three"], never)) == ["three", "two", "one"]
