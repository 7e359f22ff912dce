"""What trials take of a GPU, with a meter of the test's own and training on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from methods.core.errors import BadInput
from orchestrator.running import gpu_need
from orchestrator.running.gpu_meter import Memory
from orchestrator.running.gpu_need import need
from pipelines.datasets.dataset import Dataset, to_arrays
from pipelines.training import Training

SETTINGS = {"data": "digits", "method": "vae", "network": "mlp"}
SMALL, LARGE = SETTINGS | {"latent": 2}, SETTINGS | {"latent": 64}


@dataclass
class Played:
    """Answers with memories in their order, and counts what is asked."""

    memories: list[Memory]
    asked: list[str] = field(default_factory=list)

    def start(self) -> str:
        self.asked.append("start")
        return "A card"

    def begin(self) -> None:
        self.asked.append("begin")

    def memory(self) -> Memory:
        self.asked.append("memory")
        return self.memories.pop(0)

    def busy(self, run: Callable[[], object]) -> float:
        run()
        self.asked.append("busy")
        return 0.3


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The runs that were begun."""
    found: list[Any] = []
    begin = gpu_need._begun

    def noted(trial: Any, dataset: Dataset) -> Training:
        training = begin(trial, dataset)
        found.append(training)
        return training

    monkeypatch.setattr(gpu_need, "_begun", noted)
    return found


def test_memory_is_the_larger_configurations_and_time_the_default_ones(digits: Dataset, begun: list[Any]) -> None:
    meter = Played([Memory(0.1, 0.03), Memory(0.4, 0.02)])
    found = need(SMALL, LARGE, to_arrays(digits), meter)
    assert (found.gpu, found.memory, found.context, found.busy) == ("A card", 0.4, 0.03, 0.3)
    assert meter.asked == ["start", "begin", "memory", "busy", "begin", "memory"]
    assert [training.trial.latent for training in begun] == [2, 64]


def test_one_configuration_is_measured_once(digits: Dataset, begun: list[Any]) -> None:
    need(SMALL, SMALL, to_arrays(digits), Played([Memory(0.1, 0.03)]))
    assert len(begun) == 1


def test_a_run_makes_the_first_steps_of_an_epoch_on_all_rows(digits: Dataset, begun: list[Any]) -> None:
    steps = []
    original = Training.steps

    def counted(self: Training, means: Any, *, most: int | None = None) -> None:
        original(self, means, most=most)
        steps.append(next(iter(means._rows.values())) // self.trial.batch_size)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "steps", counted)
        need(SMALL, SMALL, to_arrays(digits), Played([Memory(0.1, 0.03)]))
    assert steps == [10, 10]
    assert len(begun[0].data.train) == len(digits.data.train)


def test_a_configuration_for_which_the_card_has_no_room_takes_all_of_it(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = gpu_need._begun

    def small_card(trial: Any, dataset: Dataset) -> Training:
        if trial.latent > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return begin(trial, dataset)

    monkeypatch.setattr(gpu_need, "_begun", small_card)
    found = need(SMALL, LARGE, to_arrays(digits), Played([Memory(0.1, 0.03)]))
    assert (found.memory, found.context) == (1.0, 0.03)


def test_where_the_ends_of_all_ranges_do_not_go_together_the_defaults_count(digits: Dataset) -> None:
    default = SETTINGS | {"method": "lambda_hot_vae", "latent": 10}
    impossible = default | {"latent": 4}  # fewer than the classes
    assert need(default, impossible, to_arrays(digits), Played([Memory(0.1, 0.03)])).memory == 0.1


def test_defaults_that_do_not_go_together_are_told(digits: Dataset) -> None:
    impossible = SETTINGS | {"method": "lambda_hot_vae", "latent": 4}
    with pytest.raises(BadInput, match="lambda_hot_vae needs latent"):
        need(impossible, impossible, to_arrays(digits), Played([]))
