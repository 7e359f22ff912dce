"""Mean and range of learning curves."""

from __future__ import annotations

import math

import pytest

from orchestrator.comparison.curves import band, panels
from orchestrator.records import runs


def test_a_band_is_the_mean_the_lowest_and_the_highest() -> None:
    found = band([{1: 1.0, 2: 4.0}, {1: 3.0, 2: 4.0}, {1: 8.0, 2: 1.0}])

    assert (found.epochs, found.mean, found.low, found.high) == ((1, 2), (4.0, 3.0), (1.0, 1.0), (8.0, 4.0))


def test_a_band_covers_the_epochs_that_all_runs_have() -> None:
    assert band([{1: 1.0, 2: 4.0}, {2: 4.0, 3: 1.0}]).epochs == (2,)


def test_an_epoch_that_is_not_finite_is_left_out() -> None:
    assert band([{1: math.inf, 2: 4.0}, {1: 1.0, 2: 1.0}]).epochs == (2,)


def test_curves_are_those_of_the_replicates(store) -> None:
    study = runs.read("complete", store.uri)
    found = panels(study, {method: study.replicates(method) for method in study.arms}, store.uri)

    assert list(found) == ["valid/elbo"]
    assert found["valid/elbo"]["vae"].mean == pytest.approx((-30.0, -24.0, -22.0, -21.0))
    assert found["valid/elbo"]["vae"].high[-1] == -20.0
