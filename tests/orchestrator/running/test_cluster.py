"""Where Ray runs."""

from __future__ import annotations

import pytest

from methods.core.errors import BadInput
from orchestrator.running import cluster


def test_without_an_address_ray_runs_on_this_machine_alone() -> None:
    assert cluster.address(None) == "local"


def test_the_environment_names_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    assert cluster.address(None) == "auto"


def test_a_given_address_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    assert cluster.address("10.0.0.1:6379") == "10.0.0.1:6379"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("where", ["auto", "127.0.0.1:9"])
def test_a_cluster_that_is_not_there_is_told_soon_and_in_one_sentence(where: str) -> None:
    missing = rf"no Ray cluster at '{where}' \(.*\): start one, or leave out --address"
    with pytest.raises(BadInput, match=missing) as caught, cluster.started(where):
        pass
    assert "\n" not in str(caught.value)
