"""Where Ray runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

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


@pytest.mark.parametrize(
    ("kinds", "gpus"),
    [
        ({"head": {"resources": {"CPU": 0}}, "gpu": {"resources": {"CPU": 8, "GPU": 1}, "max_workers": 4}}, True),
        ({"head": {"resources": {"CPU": 0}}, "gpu": {"resources": {"CPU": 8, "GPU": 1}, "max_workers": 0}}, False),
        ({"head": {"resources": {"CPU": 8}}, "cpu": {"max_workers": 4}}, False),
    ],
)
def test_an_autoscaler_may_bring_gpus_where_it_has_nodes_with_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kinds: dict[str, Any], gpus: bool
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert not cluster.may_bring_gpus()
    (tmp_path / "ray_bootstrap_config.yaml").write_text(yaml.safe_dump({"available_node_types": kinds}))
    assert cluster.may_bring_gpus() == gpus


@pytest.mark.timeout(60)
@pytest.mark.parametrize("where", ["auto", "127.0.0.1:9"])
def test_a_cluster_that_is_not_there_is_told_soon_and_in_one_sentence(where: str) -> None:
    missing = rf"no Ray cluster at '{where}' \(.*\): start one, or leave out --address"
    with pytest.raises(BadInput, match=missing) as caught, cluster.started(where):
        pass
    assert "\n" not in str(caught.value)
