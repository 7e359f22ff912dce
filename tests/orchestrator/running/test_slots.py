"""Trials that are shorter than the start of a process, on real Ray."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray.tune.tune
from ray import tune

from orchestrator.running import cluster
from orchestrator.running.slots import OwnProcesses, own_processes

SLOTS, TRIALS = 2, 24


def brief(folder: Path) -> type[tune.Trainable]:
    """A trial of a moment, in a process that takes much longer to start, all but the first one."""

    class Brief(tune.Trainable):  # here, so that Ray's processes need not find this module
        def setup(self, config: dict[str, Any]) -> None:
            try:
                (folder / "first").touch(exist_ok=False)
            except FileExistsError:
                time.sleep(2.5)

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            return True

        def step(self) -> dict[str, Any]:
            time.sleep(0.25)
            return {"process": os.getpid(), "done": True}

    return Brief


class Numbers(tune.search.Searcher):
    """So many trials, whatever comes of them."""

    left = TRIALS

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        self.left -= 1
        return {} if self.left >= 0 else tune.search.Searcher.FINISHED

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        pass

    def save(self, checkpoint_path: str) -> None:
        pass

    def restore(self, checkpoint_path: str) -> None:
        pass


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_every_slot_has_a_process_that_runs_its_share_of_brief_trials(tmp_path: Path) -> None:
    with cluster.started("local"), own_processes():
        share = ray.cluster_resources()["CPU"] / SLOTS
        found = tune.Tuner(
            tune.with_resources(brief(tmp_path), {"cpu": share}),
            tune_config=tune.TuneConfig(search_alg=Numbers(), num_samples=-1, reuse_actors=True),
            run_config=tune.RunConfig(
                storage_path=str(tmp_path),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                failure_config=tune.FailureConfig(fail_fast=True),
                verbose=0,
            ),
        ).fit()
    by_process = Counter(result.metrics["process"] for result in found)
    assert by_process.total() == TRIALS
    assert len(by_process) == SLOTS
    assert min(by_process.values()) >= TRIALS // 6


class Plain:
    """A controller of a later Ray, say, without the state that is built on."""

    def __init__(self) -> None:
        self.called: list[str] = []

    def _maybe_update_trial_queue(self) -> None:
        self.called.append("queue")

    def _maybe_add_actors(self) -> None:
        self.called.append("add")

    def _maybe_reuse_cached_actor(self, trial: object) -> bool:
        self.called.append("reuse")
        return True


def test_a_controller_with_another_state_does_as_it_does_by_itself() -> None:
    controller: Any = type("TuneController", (OwnProcesses, Plain), {})()
    controller._maybe_update_trial_queue()
    controller._maybe_add_actors()
    assert controller._maybe_reuse_cached_actor(object())
    assert controller.called == ["queue", "add", "reuse"]


@pytest.mark.parametrize("theirs", [None, SimpleNamespace, Plain])
def test_tune_has_its_own_controller_again_afterwards(monkeypatch: pytest.MonkeyPatch, theirs: Any) -> None:
    monkeypatch.setattr(ray.tune.tune, "TuneController", theirs)
    with own_processes():
        assert (ray.tune.tune.TuneController is theirs) == (theirs is not Plain)
    assert ray.tune.tune.TuneController is theirs


def test_this_ray_has_all_that_is_built_on() -> None:
    theirs = ray.tune.tune.TuneController
    with own_processes():
        assert issubclass(ray.tune.tune.TuneController, OwnProcesses)
        assert issubclass(ray.tune.tune.TuneController, theirs)
