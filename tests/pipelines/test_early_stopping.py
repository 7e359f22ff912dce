from __future__ import annotations

import pytest
import torch
from torch import nn

from pipelines.early_stopping import EarlyStopping
from pipelines.schedules import schedule


def _stopping(text: str = "constant", patience: int = 0, warmup: int = 0) -> EarlyStopping:
    return EarlyStopping(schedule(text), patience=patience, warmup=warmup)


def _run(stopping: EarlyStopping, values: list[float]) -> tuple[list[int], int | None]:
    """The epochs after which the rate decays, and the one after which training stops."""
    decays = []
    for epoch, value in enumerate(values, 1):
        if stopping.add(value, epoch, nn.Linear(1, 1)):
            decays.append(epoch)
        if stopping.stopped:
            return decays, epoch
    return decays, None


def test_training_stops_when_the_patience_is_at_an_end() -> None:
    stopping = _stopping(patience=3)
    assert _run(stopping, [5, 4, 6, 3, 3, 3.5, 4, 1]) == ([], 7)
    assert (stopping.best, stopping.best_epoch) == (3, 4)


def test_without_patience_training_never_stops() -> None:
    stopping = _stopping()
    assert not stopping.active
    assert _run(stopping, [1, 2, 3, 4]) == ([], None)


def test_epochs_of_a_warm_up_do_not_count() -> None:
    assert _run(_stopping(patience=3, warmup=6), [1, 2, 2, 2, 2, 2, 2, 2, 2]) == ([], 8)  # 6, 7 and 8


def test_a_plateau_decays_the_rate_each_time_it_lasted() -> None:
    assert _run(_stopping("plateau:0.5@2"), [5, 6, 6, 6, 6, 4, 5, 5, 5]) == ([3, 5, 8], None)


def test_a_restarting_schedule_stops_at_its_fifth_decay() -> None:
    assert _run(_stopping("restart:0.5@2"), [1] + [2] * 20) == ([3, 5, 7, 9, 11], 11)


def test_patience_goes_on_counting_across_decays() -> None:
    assert _run(_stopping("plateau:0.5@2", patience=5), [1] + [2] * 9) == ([3, 5], 6)


def test_the_best_weights_come_back() -> None:
    module, stopping = nn.Linear(2, 1), _stopping(patience=9)
    for epoch, value in enumerate([3.0, 1.0, 2.0], 1):
        nn.init.constant_(module.weight, value)
        stopping.add(value, epoch, module)
    stopping.restore(module)
    assert torch.equal(module.weight, torch.ones(1, 2))


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_state_dict_continues_the_counting(cut: int) -> None:
    values = [5, 6, 4, 5, 5, 5, 6, 6, 6]
    whole = _run(_stopping("plateau:0.5@2", patience=5), values)
    first, second = _stopping("plateau:0.5@2", patience=5), _stopping("plateau:0.5@2", patience=5)
    before, stopped = _run(first, values[:cut])
    second.load_state_dict(first.state_dict())
    after = list(before)
    for epoch, value in enumerate(values[cut:], cut + 1):
        if second.stopped:
            break
        if second.add(value, epoch, nn.Linear(1, 1)):
            after.append(epoch)
        stopped = epoch if second.stopped else stopped
    assert (after, stopped) == whole
