"""Figures of the orchestration, from trials whose figures are known."""

from __future__ import annotations

import pytest

from benchmarks.orchestration import Slept, _interval, _whole, use


def trials(*spans: tuple[str, float, float]) -> list[Slept]:
    """Of (process, started, ended)."""
    return sorted(Slept(ended, started, process) for process, started, ended in spans)


# Process b starts 4 s after process a; from then on both run trials of 2 s without a pause.
TWO = trials(
    *(("a", start, start + 2) for start in range(0, 40, 2)),
    *(("b", start, start + 2) for start in range(4, 40, 2)),
)


def test_the_interval_counts_from_when_every_process_has_ended_a_trial() -> None:
    # From 6 s to 40 s: 36 ends, of which the first two are at 6 s.
    assert _interval(TWO, 2) == pytest.approx(34 / 35)


def test_where_fewer_processes_ran_than_there_are_slots_it_counts_from_as_many_ends() -> None:
    one = trials(*(("a", start, start + 1) for start in range(10)))
    assert _interval(one, 4) == pytest.approx(6 / 6)


def test_all_of_the_time_counts_in_the_whole() -> None:
    assert _whole(TWO) == pytest.approx(40 / 38)


def test_slots_that_never_rest_are_in_use_all_the_time() -> None:
    assert use(TWO, 2) == pytest.approx(1.0)


def test_the_start_of_processes_counts_where_it_is_asked_for() -> None:
    # 38 trials, so until the 36th begins, at 36 s: one slot of two rests for 4 s.
    assert use(TWO, 2, started=1) == pytest.approx(1 - 4 / (2 * 36))


def test_a_slot_that_rests_between_trials_is_not_in_use_then() -> None:
    halves = trials(*((name, start, start + 1) for name in "ab" for start in range(0, 80, 2)))
    assert use(halves, 2) == pytest.approx(0.5)
