"""How many trials share a GPU. Ray counts GPUs that are not there; a meter of the test's own measures."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray
import torch
from ray.exceptions import RayTaskError

from methods.core.errors import BadInput
from orchestrator.definition.study import Study
from orchestrator.records.gpu_shares import GpuShares
from orchestrator.running import cluster, gpu_nodes, packing
from orchestrator.running.gpu_meter import Memory, Meter, NoGpu
from orchestrator.running.packing import MARGIN, Packing, described, share
from orchestrator.running.session import _resources
from pipelines.datasets.dataset import Dataset

STUDY = Study(
    data="digits", methods=["ae", "vae"], resources={"cpu": 0.5, "gpu": "auto"}, fixed={"network": "mlp", "latent": 2}
)


def played(memory: float, busy: float) -> Meter:
    """A meter with these answers."""

    class Played:  # here, so that Ray's processes need not find this module
        def start(self) -> str:
            return "A card"

        def begin(self) -> None:
            pass

        def memory(self) -> Memory:
            return Memory(memory, 0.01)

        def busy(self, run: Callable[[], object]) -> float:
            run()
            return busy

    return Played()


def never() -> None:
    """Look whether to stop, and do not."""


@pytest.mark.parametrize("most", [1, 3, 8])
@pytest.mark.parametrize("memory", [0.0, 0.01, 0.1, 0.2, 1 / 3, 0.42, 0.9, 1.0])
@pytest.mark.parametrize("busy", [0.0, 0.125, 0.2, 0.5, 0.6, 1.0])
def test_as_many_trials_share_a_gpu_as_have_room_and_time(memory: float, busy: float, most: int) -> None:
    def fit(count: int) -> bool:
        return count * MARGIN * memory <= 1 + 1e-6 and count * busy <= 1 + 1e-6

    expected = max([1, *(count for count in range(1, most + 1) if fit(count))])
    found = share(memory, busy, most)
    assert int(1 / found) == expected


@pytest.mark.parametrize("count", range(1, 17))
def test_ray_has_room_for_all_trials_of_a_gpu_and_no_more(count: int) -> None:
    found = share(0.0, 1 / count, 16)
    assert round(found * 10_000) == pytest.approx(found * 10_000)  # Ray counts ten-thousandths
    assert found * count <= 1 < found * (count + 1)


def test_shares_are_told_with_their_branches() -> None:
    assert described({"hub_vae": 0.5, "ae": 0.125, "vae": 0.125}) == "0.125 (ae, vae), 0.5 (hub_vae)"


@pytest.fixture
def data(digits: Dataset) -> Mapping[str, Dataset]:
    return {"digits": digits}


class Done:
    """A task that is over."""

    def __init__(self, found: Any) -> None:
        self.found = found


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster of one node, whose tasks run here as soon as they are submitted."""

    def on(node: object, **resources: object) -> Any:
        return lambda task: SimpleNamespace(remote=lambda *given: Done(task(*given)))

    Nodes(monkeypatch, {"card": {"CPU": 16, "GPU": 1}})
    monkeypatch.setattr(gpu_nodes, "on", on)
    monkeypatch.setattr(gpu_nodes, "finished", lambda promises, look: iter(promises))
    monkeypatch.setattr(ray, "put", lambda arrays: arrays)
    monkeypatch.setattr(ray, "get", lambda done: done.found)
    monkeypatch.setattr(ray, "available_resources", lambda: {"GPU": 1})


def next_start_finds_what_was_measured(data: Mapping[str, Dataset], folder: Path) -> None:
    first = GpuShares(STUDY, folder)
    Packing(STUDY, data, first, played(0.2, 0.4)).settle(["vae"], never)
    second = GpuShares(STUDY, folder)
    Packing(STUDY, data, second, played(1.0, 1.0)).settle(["vae"], never)
    assert first["vae"] == second["vae"] == 0.5


def test_branches_get_shares_by_measurements_that_the_next_start_finds(
    at_once: None, data: Mapping[str, Dataset], tmp_path: Path
) -> None:
    next_start_finds_what_was_measured(data, tmp_path)


@pytest.mark.skipif("LATENT_ORCHESTRA_FAULTS" not in os.environ, reason="takes a start of Ray: make test-faults")
@pytest.mark.slow
@pytest.mark.timeout(120)
def test_measurements_run_as_tasks_of_ray(data: Mapping[str, Dataset], tmp_path: Path) -> None:
    ray.init(num_cpus=2, num_gpus=2, include_dashboard=False, log_to_driver=False)
    try:
        next_start_finds_what_was_measured(data, tmp_path)
    finally:
        ray.shutdown()


def broken(cause: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measurements fail with this error in Ray's process."""

    def get(promise: object) -> None:
        raise RayTaskError("need", "Traceback …", cause).as_instanceof_cause()

    monkeypatch.setattr(ray, "get", get)


def test_a_gpu_that_torch_does_not_see_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(NoGpu("none there"), monkeypatch)
    with pytest.raises(NoGpu, match=r"^none there$"):
        packing._told(object(), "vae")


def test_a_branch_that_cannot_be_measured_is_told_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(packing, "_say", said.append)
    broken(torch.OutOfMemoryError("CUDA out of memory"), monkeypatch)
    assert packing._told(object(), "vae") is None
    assert said == ["vae cannot be measured (CUDA out of memory): its trials get a whole GPU each"]


def test_a_branch_that_cannot_be_measured_gets_whole_gpus(
    monkeypatch: pytest.MonkeyPatch, data: Mapping[str, Dataset]
) -> None:
    Nodes(monkeypatch, {"card": {"CPU": 16, "GPU": 1}})
    monkeypatch.setattr(Packing, "_measure", lambda self, branches, nodes, look: {"vae"})
    shares = GpuShares(STUDY)
    Packing(STUDY, data, shares).settle(["vae"], never)
    assert shares["vae"] == 1.0


def test_a_process_is_reused_for_the_same_share_alone() -> None:
    # Tune keeps processes that are free by what they asked for.
    assert _resources(1.0, 0.25) == _resources(1.0, 0.25)
    assert _resources(1.0, 0.25) != _resources(1.0, 0.5)
    assert _resources(2.0, 0.5).required_resources == {"CPU": 2, "GPU": 0.5}
    assert _resources(2.0, 0.0).required_resources == {"CPU": 2}


class Nodes:
    """A cluster that is told of and not there: nodes as Ray tells of them, and what their cards are."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cards: Mapping[str, dict[str, float]]) -> None:
        found = {card: [{"Resources": resources}] for card, resources in cards.items()}
        monkeypatch.setattr(gpu_nodes, "by_card", lambda look: found)
        monkeypatch.setattr(cluster, "slots", lambda cpu, gpu: 1)


def test_the_card_on_which_a_branch_needs_more_decides(
    monkeypatch: pytest.MonkeyPatch, data: Mapping[str, Dataset]
) -> None:
    Nodes(monkeypatch, {card: {"CPU": 16, "GPU": 1} for card in ("large", "small")})
    shares = GpuShares(STUDY)
    found = Packing(STUDY, data, shares)
    measured = {"large": (0.05, 0.1), "small": (0.2, 0.05)}

    def started(left: Any, nodes: Any) -> dict[Any, Any]:
        return {card: (branch, card) for branch, card in left}

    def told(card: str, branch: str) -> Any:
        return packing.Need(card, measured[card][0], 0.01, measured[card][1])

    monkeypatch.setattr(Packing, "_started", lambda self, left, nodes: started(left, nodes))
    monkeypatch.setattr(packing, "_told", told)
    monkeypatch.setattr(gpu_nodes, "finished", lambda promises, look: iter(promises))
    monkeypatch.setattr(ray, "available_resources", dict)
    found.settle(["vae"], never)
    assert shares["vae"] == 0.25


@pytest.mark.parametrize(("cpu", "trials"), [(0.5, 8), (1, 8), (2, 4), (3, 2), (16, 1)])
def test_no_more_trials_share_a_gpu_than_the_node_has_cpus_for(cpu: float, trials: int) -> None:
    assert min(8, gpu_nodes.room({"Resources": {"CPU": 16, "GPU": 2}}, cpu)) == trials


def test_without_gpus_trials_train_on_cpus_in_a_line_that_says_so(
    monkeypatch: pytest.MonkeyPatch, data: Mapping[str, Dataset]
) -> None:
    Nodes(monkeypatch, {})
    said: list[str] = []
    monkeypatch.setattr(packing, "_say", said.append)
    shares = GpuShares(STUDY)
    Packing(STUDY, data, shares).settle(["vae"], never)
    assert shares["vae"] == 0.0
    assert said == ["resources.gpu is auto, but the cluster has no GPU: trials train on CPUs"]


CHANGES = [
    {"space": {"latent": {"low": 2, "high": 9}}, "fixed": {"network": "mlp"}},
    {"fixed": {"network": "mlp", "latent": 3}},
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_branch_with_other_settings_is_measured_anew(change: dict[str, Any], data: Mapping[str, Dataset]) -> None:
    shares = GpuShares(STUDY)
    assert Packing(STUDY, data, shares)._known("vae") == {}
    shares.keep("vae", "card", packing.Need("A card", 0.1, 0.01, 0.1))
    assert Packing(STUDY, data, shares)._known("vae")
    assert Packing(STUDY.model_copy(update=change), data, shares)._known("vae") == {}


def test_a_branch_with_other_code_is_measured_anew(
    monkeypatch: pytest.MonkeyPatch, data: Mapping[str, Dataset]
) -> None:
    shares = GpuShares(STUDY)
    assert Packing(STUDY, data, shares)._known("vae") == {}
    shares.keep("vae", "card", packing.Need("A card", 0.1, 0.01, 0.1))
    monkeypatch.setattr(packing.code_version, "version", lambda settings: "changed")
    assert Packing(STUDY, data, shares)._known("vae") == {}


def test_too_few_cpus_are_told_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, data: Mapping[str, Dataset]
) -> None:
    many = STUDY.model_copy(update={"resources": STUDY.resources.model_copy(update={"cpu": 100.0})})
    monkeypatch.setattr(gpu_nodes, "by_card", lambda look: {"card": [{"Resources": {"CPU": 2, "GPU": 1}}]})
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 2, "GPU": 1})
    with pytest.raises(BadInput, match="a trial needs 100 CPU and 1 GPU, but Ray has 2 CPU"):
        Packing(many, data, GpuShares(many)).settle(["vae"], never)
