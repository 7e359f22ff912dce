"""What a process takes of a GPU, on machines without one: torch and the driver are played."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.autograd import DeviceType

from orchestrator.running import gpu_meter
from orchestrator.running.gpu_meter import Cuda, Memory, NoGpu, taken

GIB = 2**30


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card of 10 GiB, of which 4 are free; torch holds 2 of them and held 3."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "A card")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (4 * GIB, 10 * GIB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 2 * GIB)
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda: 3 * GIB)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)


def driver(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """An nvidia-smi that does what the script says."""
    (folder / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_a_gpu_that_torch_does_not_see_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(NoGpu, match=r"Ray counts a GPU on .*, but torch sees none there: check the driver"):
        Cuda().start()


def test_memory_is_torchs_peak_with_what_else_is_taken(card: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_meter, "taken", lambda: 0)
    meter = Cuda()
    meter.start()
    assert meter.memory() == Memory(peak=pytest.approx((3 + 4) / 10), context=pytest.approx(4 / 10))


def test_what_others_took_before_is_not_there_for_trials(card: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_meter, "taken", lambda: 3 * GIB)
    meter = Cuda()
    assert meter.start() == "A card"
    assert meter.memory() == Memory(peak=pytest.approx((3 + 1) / 7), context=pytest.approx(1 / 10))


def busy(monkeypatch: pytest.MonkeyPatch, computed: float) -> float:
    """What the meter finds where kernels take so many microseconds of a second."""

    class Profile:
        def __init__(self, activities: object) -> None:
            self.runs_before = len(runs)

        def __enter__(self) -> Profile:
            return self

        def __exit__(self, *_: object) -> None:
            assert len(runs) == self.runs_before + 1

        def key_averages(self) -> list[Any]:
            kinds = (DeviceType.CUDA, False), (DeviceType.CPU, False), (DeviceType.CUDA, True)
            return [
                SimpleNamespace(device_type=kind, is_user_annotation=noted, self_device_time_total=computed)
                for kind, noted in kinds
            ]

    runs: list[int] = []
    clock = itertools.count()  # a second between two looks
    monkeypatch.setattr(gpu_meter, "profile", Profile)
    monkeypatch.setattr(gpu_meter.time, "perf_counter", lambda: float(next(clock)))
    return Cuda().busy(lambda: runs.append(1))


@pytest.mark.parametrize(("computed", "share"), [(250_000.0, 0.25), (3e6, 1.0)])
def test_busy_is_the_time_of_kernels_in_the_time_without_the_profiler(
    card: None, monkeypatch: pytest.MonkeyPatch, computed: float, share: float
) -> None:
    assert busy(monkeypatch, computed) == share


def test_a_profiler_that_sees_nothing_measures_nothing(card: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="saw no kernel"):
        busy(monkeypatch, 0.0)


def test_what_a_card_holds_is_asked_of_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    driver(tmp_path, monkeypatch, '[ "$1" = --id=3 ] && echo 512')
    assert taken() == 512 * 2**20


@pytest.mark.parametrize("script", ["exit 6", "echo [N/A]", "true"])
def test_without_an_answer_of_the_driver_nothing_is_known_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    driver(tmp_path, monkeypatch, script)
    assert taken() == 0


def test_without_a_driver_nothing_is_known_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert taken() == 0
