"""Every slot gets a process of its own, also where trials are shorter than the start of a process.

Ray Tune gives a process that has ended its trial any trial that waits, also one whose own process is starting: that
process is given up. Where a trial takes less time than a process takes to import torch, the first processes run all
trials, and the other slots never get one that lives.
"""

from __future__ import annotations

import contextlib
import importlib
import operator
from collections.abc import Iterator
from typing import Any

_METHODS = ("_maybe_update_trial_queue", "_maybe_add_actors", "_maybe_reuse_cached_actor")
_STATE = (
    "_actor_cache.num_cached_objects",
    "_actor_manager.is_actor_started",
    "_max_pending_trials",
    "_pending_trials",
    "_pending_trials_list",
    "_staged_trials",
    "_started_actors",
    "_trial_to_actor",
)
"""What this builds on in Tune's controller (Ray 2.60). Where a version of Ray lacks some, its own way is taken."""


class OwnProcesses:
    """What a controller of Tune does otherwise: a process that starts keeps its trial, and a free one gets another.

    Only where no other trial is left, a free process takes over a trial whose own process is still starting. Mixed into
    Tune's class; see `own_processes`.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._patient = all(_has(self, name) for name in _STATE)

    def _maybe_update_trial_queue(self: Any) -> None:
        """Ask the searcher for trials: as many may wait as Tune allows, beside those whose processes are starting."""
        starting = sum(map(self._is_starting, self._pending_trials)) if self._patient else 0
        if not starting:
            super()._maybe_update_trial_queue()  # type: ignore[misc]
            return
        self._max_pending_trials += starting
        try:
            super()._maybe_update_trial_queue()  # type: ignore[misc]
        finally:
            self._max_pending_trials -= starting

    def _maybe_add_actors(self: Any) -> None:
        """Start what waits, then give free processes to those that wait longest."""
        super()._maybe_add_actors()  # type: ignore[misc]
        if not self._patient or not self._actor_cache.num_cached_objects:
            return
        waiting = dict.fromkeys([*self._pending_trials_list, *self._pending_trials])  # in their order, for most
        ready = [trial for trial in waiting if trial in self._staged_trials and trial in self._pending_trials]
        for trial in sorted(ready, key=self._is_starting):
            if self._actor_cache.num_cached_objects:
                super()._maybe_reuse_cached_actor(trial)  # type: ignore[misc]

    def _maybe_reuse_cached_actor(self: Any, trial: Any) -> bool:
        return not self._is_starting(trial) and bool(super()._maybe_reuse_cached_actor(trial))  # type: ignore[misc]

    def _is_starting(self: Any, trial: Any) -> bool:
        """Whether a trial's own process has its place and is starting there."""
        if not self._patient:
            return False
        actor = self._trial_to_actor.get(trial)
        return actor is not None and actor not in self._started_actors and self._actor_manager.is_actor_started(actor)


def _has(thing: object, name: str) -> bool:
    """Whether there is an attribute of an attribute, as `a.b`."""
    try:
        operator.attrgetter(name)(thing)
    except AttributeError:
        return False
    return True


@contextlib.contextmanager
def own_processes() -> Iterator[None]:
    """Within the block, Tune's sweeps run as `OwnProcesses` says; unchanged with a Ray that has none of its methods."""
    module: Any = importlib.import_module("ray.tune.tune")
    theirs = getattr(module, "TuneController", None)
    if theirs is None or not all(hasattr(theirs, name) for name in _METHODS):
        yield
        return
    module.TuneController = type("TuneController", (OwnProcesses, theirs), {})
    try:
        yield
    finally:
        module.TuneController = theirs
