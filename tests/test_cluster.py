"""cluster.yaml: what Ray itself can check of it without a cloud, then what Ray does not check."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.autoscaler.v2.instance_manager.config import AutoscalingConfig
from ray.autoscaler.v2.scheduler import ResourceDemandScheduler, SchedulingRequest
from ray.autoscaler.v2.utils import ResourceRequestUtil

from orchestrator.running import cluster_file

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "cluster.yaml").read_text()
CONFIG: dict[str, Any] = yaml.safe_load(TEXT)
KINDS = ("head", "worker")
SETUPS = {kind: CONFIG["setup_commands"] + CONFIG[f"{kind}_setup_commands"] for kind in KINDS}
WORKERS = {name: entry for name, entry in CONFIG["available_node_types"].items() if name != CONFIG["head_node_type"]}
CONSTRAINTS = ROOT / "constraints.txt"


def accepted(config: dict[str, Any]) -> dict[str, Any]:
    """The file as Ray completes it, after Ray's own validation."""
    prepared: dict[str, Any] = prepare_config(copy.deepcopy(config))
    validate_config(prepared)
    return prepared


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    config = copy.deepcopy(CONFIG)
    change(config)
    return config


def launched(trials: int) -> dict[str, int]:
    """The workers that Ray's autoscaler asks for when so many trials of a quarter of a GPU wait."""
    config = AutoscalingConfig(accepted(CONFIG), skip_content_hash=True)
    trial = ResourceRequestUtil.make({"CPU": 2, "GPU": 0.25})
    request = SchedulingRequest(
        disable_launch_config_check=True,
        node_type_configs=config.get_node_type_configs(),
        max_num_nodes=config.get_max_num_nodes(),
        resource_requests=ResourceRequestUtil.group_by_count([trial] * trials),
    )
    asked = ResourceDemandScheduler(None).schedule(request).to_launch
    return {launch.instance_type: launch.count for launch in asked if launch.instance_type in WORKERS}


def installation(kind: str) -> str:
    """The command that installs the project on nodes of this kind."""
    commands: list[str] = [command for command in SETUPS[kind] if "pip install" in command]
    (command,) = commands
    return command


def pinned(package: str) -> str:
    """The tested version of a package, without the tag of a build such as +cpu."""
    constraints = CONSTRAINTS.read_text() if CONSTRAINTS.exists() else ""
    pins: list[str] = re.findall(rf"^{package}==(\S+)$", constraints, re.M) or [version(package)]
    return pins[0].split("+")[0]


def test_ray_accepts_the_file() -> None:
    accepted(CONFIG)


def test_the_autoscaler_on_the_head_accepts_what_the_launcher_sends_there() -> None:
    AutoscalingConfig({**accepted(CONFIG), "no_restart": False}, skip_content_hash=True)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda c: c.update(max_worker=8), id="a key with a typo"),
        pytest.param(lambda c: c.update(initial_workers=2), id="a key of old versions"),
        pytest.param(lambda c: c["available_node_types"]["gpu.spot"]["resources"].update(GPU=0.5), id="half a GPU"),
        pytest.param(lambda c: c["available_node_types"]["gpu.spot"].update(spot=True), id="an unknown key of a type"),
        pytest.param(lambda c: c.update(head_start_ray_commands="ray start --head"), id="a string for a list"),
    ],
)
def test_ray_refuses(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        accepted(changed(change))


def test_ray_refuses_a_head_type_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="head_node_type"):
        accepted(changed(lambda config: config.update(head_node_type="hed")))


def blocks() -> list[str]:
    """The pieces of such a file on its page: for machines of one's own, and for containers."""
    return list(re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "cluster.md").read_text(), re.S))


def test_ray_accepts_the_containers_that_the_page_names() -> None:
    _, containers = blocks()
    config = CONFIG | yaml.safe_load(containers)
    accepted(config)
    assert cluster_file.lint(config) == []


def test_nothing_is_wrong_with_the_file_beyond_rays_schema() -> None:
    assert cluster_file.lint(CONFIG) == []


def test_the_image_installs_the_same_ray_on_the_same_python() -> None:
    image = (ROOT / "docker" / "Dockerfile").read_text()
    assert re.findall(r"ray\[default,tune\]==([\w.]+)", image) == [pinned("ray")]
    python = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["python_version"]
    assert re.findall(r"^FROM python:([\d.]+)-", image, re.M) == [python]


def test_ray_accepts_the_changes_that_the_page_names_for_machines_of_ones_own() -> None:
    changes, _ = blocks()
    kept = {key: entry for key, entry in CONFIG.items() if key not in ("available_node_types", "head_node_type")}
    prepared = accepted({**kept, **yaml.safe_load(changes)})
    assert prepared["max_workers"] == len(prepared["provider"]["worker_ips"])


@pytest.mark.parametrize("kind", KINDS)
def test_nodes_install_the_tested_ray(kind: str) -> None:
    assert re.findall(r"ray\[default,tune\]==([\w.]+)", installation(kind)) == [pinned("ray")]


@pytest.mark.parametrize("kind", KINDS)
def test_nodes_install_the_checkout_within_the_tested_set(kind: str) -> None:
    assert installation(kind).startswith("cd ~/latent-orchestra && ")
    assert "-c constraints.txt -e ." in installation(kind)


def test_the_tested_set_can_be_installed_from_pypi_alone() -> None:
    lines = CONSTRAINTS.read_text().splitlines() if CONSTRAINTS.exists() else []
    assert [line for line in lines if not re.fullmatch(r"#.*|[\w.-]+==[\w.]+", line)] == []


def test_nodes_have_the_python_that_the_project_is_checked_with() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found = re.findall(r"uv venv .*--python (\S+)", "\n".join(CONFIG["setup_commands"]))
    assert found == [project["tool"]["mypy"]["python_version"]]


@pytest.mark.parametrize("kind", KINDS)
def test_no_command_is_left_to_the_defaults_which_install_a_nightly_ray(kind: str) -> None:
    prepared = accepted(CONFIG)
    assert prepared[f"{kind}_setup_commands"] == SETUPS[kind]
    assert prepared[f"{kind}_start_ray_commands"] == CONFIG[f"{kind}_start_ray_commands"]


def test_spot_workers_come_first_and_on_demand_workers_are_the_same_machines() -> None:
    spot, on_demand = WORKERS["gpu.spot"], WORKERS["gpu.on_demand"]
    market = {"InstanceMarketOptions": {"MarketType": "spot"}}
    assert spot["node_config"] == on_demand["node_config"] | market
    assert spot["resources"] == on_demand["resources"]
    assert spot["priority"] > on_demand["priority"]


def test_a_small_sweep_asks_for_spot_workers_alone() -> None:
    assert launched(trials=5) == {"gpu.spot": 2}


def test_as_many_trials_wait_as_it_takes_to_launch_all_workers_on_demand_ones_too() -> None:
    (waiting,) = re.findall(r"export TUNE_MAX_PENDING_TRIALS_PG=(\d+)", TEXT)
    assert launched(int(waiting)) == {name: entry["max_workers"] for name, entry in WORKERS.items()}


def test_the_checkout_goes_without_its_history_its_results_and_what_git_ignores() -> None:
    assert CONFIG["file_mounts"]["~/latent-orchestra"] == "."
    assert {"/.git", "/.venv", "/results", "/mlartifacts", "/mlflow.db*"} <= set(CONFIG["rsync_exclude"])
    assert CONFIG["rsync_filter"] == [".gitignore"]
