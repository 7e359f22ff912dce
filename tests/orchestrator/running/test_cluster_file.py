"""What is said of a cluster.yaml that Ray would accept, and of one that it would not."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from methods.core.errors import BadInput
from orchestrator.running import cluster_file
from orchestrator.running.cluster_file import lint

CONFIG, TEXT = cluster_file.read(Path(cluster_file.__file__).parents[2] / "cluster.yaml")


def found(change: Callable[[dict[str, Any]], object], text: str = "") -> list[str]:
    config = copy.deepcopy(CONFIG)
    change(config)
    return [finding.text for finding in lint(config, text)]


def replaced(old: str, new: str) -> Callable[[dict[str, Any]], object]:
    """Another text in all commands."""

    def change(config: dict[str, Any]) -> None:
        for key in cluster_file._COMMANDS:
            config[key] = [command.replace(old, new) for command in config[key]]

    return change


def test_the_file_that_ships_has_nothing_but_the_places_to_fill_in() -> None:
    (finding,) = lint(CONFIG, TEXT)
    lines = [number for number, line in enumerate(TEXT.splitlines(), 1) if "CHANGEME" in line.split("#")[0]]
    assert finding.serious
    assert finding.text.startswith(f"CHANGEME is still in line {', '.join(map(str, lines))}")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update(max_worker=8), r"Ray refuses it: Additional properties are not allowed \('max_worker'"),
        (lambda c: c["available_node_types"]["gpu.spot"]["resources"].update(GPU=0.5), r"Ray refuses it at available"),
        (lambda c: c.update(head_node_type="hed"), r"Ray refuses it: .*head_node_type"),
        (lambda c: c.pop("setup_commands"), r"setup_commands is left to Ray's defaults, which install a nightly Ray"),
        (replaced("==2.60.0", "==2.9.0"), r"heads install Ray 2\.9\.0, but here is"),
        (replaced('"ray[default,tune]==2.60.0"', "ray"), r"no Ray is pinned on heads"),
        (replaced("--python 3.11", "--python 3.9"), r"nodes get Python 3\.9, but here is 3\."),
        (lambda c: c.update(max_workers=3), r"gpu\.spot may have 6 workers, but max_workers is 3 for all"),
        (lambda c: c["available_node_types"].pop("gpu.on_demand"), r"all workers are spot machines \(gpu\.spot\)"),
        (lambda c: c["provider"].pop("cache_stopped_nodes"), r"machines are only stopped"),
        (lambda c: c["file_mounts"].pop("~/.ray/auth_token"), r"nodes get no token"),
        (replaced("RAY_AUTH_MODE", "OTHER"), r"nodes do not ask for the token"),
        (lambda c: c.update(rsync_exclude=["/.git"]), r"the checkout is copied with /\.venv, /results:"),
        (lambda c: c.update(docker={"image": "x", "container_name": "y"}), r"containers get 64 MB of shared memory"),
    ],
)
def test_what_is_wrong_is_said(change: Callable[[dict[str, Any]], object], said: str) -> None:
    (first, *_) = found(change)
    assert re.match(said, first), first


def test_a_head_that_runs_trials_is_told() -> None:
    def change(config: dict[str, Any]) -> None:
        config["available_node_types"]["head"]["resources"] = {"CPU": 8}
        replaced("--num-cpus=0", "")(config)

    assert found(change) == ["the head runs trials, which take memory from MLflow and Ray: give it resources {CPU: 0}"]


@pytest.mark.parametrize(
    "line",
    [
        "aws_access_key_id: AKIA0123456789ABCDEF",
        "password: x",
        "uri: postgresql://me:secret@db",
        "-----BEGIN PRIVATE KEY-----",
    ],
)
def test_secrets_are_told_by_their_line(line: str) -> None:
    (said,) = found(lambda config: None, f"a: 1\n{line}\n")
    assert said.startswith("line 2 looks like a secret")


@pytest.mark.parametrize("content", ["- a list", "a: [", "text"])
def test_what_is_no_such_file_is_one_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "cluster.yaml").write_text(content)
    with pytest.raises(BadInput, match=r"cluster\.yaml"):
        cluster_file.read(tmp_path / "cluster.yaml")
