"""A trial's share of a GPU, on machines without one."""

from __future__ import annotations

import os

import pytest
import torch

from orchestrator.running import gpu_share


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", found.append)
    return found


@pytest.mark.parametrize(("share", "limit"), [(0.25, [0.25]), (1, []), (2, [])])
def test_a_part_of_a_gpu_is_a_part_of_its_memory(limits: list[float], share: float, limit: list[float]) -> None:
    gpu_share.hold(share)
    assert limits == limit


def test_who_has_no_share_sees_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    gpu_share.hold(0)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""


def test_without_a_gpu_nothing_is_held() -> None:
    gpu_share.hold(0.25)


def test_too_little_memory_is_told_with_the_share() -> None:
    told = gpu_share.told(torch.OutOfMemoryError("CUDA out of memory"), 0.25)
    assert told is not None
    assert "needs more memory than the 0.25 of a GPU that it has: raise resources.gpu" in told


def test_other_errors_are_told_elsewhere() -> None:
    assert gpu_share.told(RuntimeError("no"), 0.25) is None


def test_a_context_is_part_of_the_share(limits: list[float]) -> None:
    gpu_share.hold(0.25, 0.05)
    assert limits == [pytest.approx(0.2)]


def test_who_has_a_whole_gpu_is_not_told_to_ask_for_more_of_it() -> None:
    told = gpu_share.told(torch.OutOfMemoryError("CUDA out of memory"), 1.0)
    assert told == "the trial needs more memory than its GPU: lower batch_size or the network"


@pytest.mark.parametrize(
    ("facts", "share", "exceeded"),
    [
        ({"gpu_exceeded": "0.25"}, 0.125, True),
        ({"gpu_exceeded": "0.25"}, 0.25, True),
        ({"gpu_exceeded": "0.25"}, 0.5, False),
        ({"gpu_exceeded": "0.25"}, 0.0, False),
        ({}, 0.25, False),
        ({}, 0.0, False),
    ],
)
def test_a_share_is_exceeded_that_is_no_larger_than_one_that_was(
    facts: dict[str, str], share: float, exceeded: bool
) -> None:
    assert gpu_share.exceeded(facts, share) == exceeded
