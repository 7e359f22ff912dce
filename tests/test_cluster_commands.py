"""The command lines of cluster.yaml and of its page: read by bash, by Ray and by MLflow as installed, and run."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import click
import mlflow.cli
import pytest
import yaml
from ray.autoscaler._private.command_runner import _with_interactive
from ray.scripts.scripts import cli as ray

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "cluster.yaml").read_text()
PAGE = (ROOT / "docs" / "cluster.md").read_text()
CONFIG: dict[str, Any] = yaml.safe_load(TEXT)
KINDS = ("head", "worker")
SETUPS = {kind: CONFIG["setup_commands"] + CONFIG[f"{kind}_setup_commands"] for kind in KINDS}
STARTS = {kind: CONFIG[f"{kind}_start_ray_commands"] for kind in KINDS}
COMMANDS = list(dict.fromkeys(itertools.chain(*SETUPS.values(), *STARTS.values())))


def login(home: Path, command: str) -> str:
    """What a command prints in the kind of shell in which Ray's launcher runs commands, through ssh."""
    done = subprocess.run(
        " ".join(_with_interactive(command)),
        shell=True,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        check=True,
    )
    return done.stdout.decode()


def environment(home: Path, kind: str) -> dict[str, str]:
    """The variables of a login shell, once the setup commands that write them have run."""
    for command in SETUPS[kind]:
        if ".bashrc" in command:
            login(home, command)
    return dict(line.split("=", 1) for line in login(home, "env").splitlines() if "=" in line)


def understood(command: click.Command, words: list[str]) -> dict[str, Any]:
    """The options of a command line, by the parser of the installed program; it raises on those that do not exist."""
    return command.make_context(str(command.name), list(words)).params


def ray_start(kind: str) -> dict[str, Any]:
    """The options with which Ray is started."""
    (line,) = re.findall(r"ray start (.*)", "\n".join(STARTS[kind]))
    return understood(ray.commands["start"], shlex.split(line))


def mlflow_server() -> dict[str, Any]:
    """The options with which MLflow is started."""
    (line,) = re.findall(r"mlflow server ([^;]*);", "\n".join(STARTS["head"]))
    return understood(mlflow.cli.cli.commands["server"], shlex.split(line))


def ray_commands(text: str) -> list[list[str]]:
    """The `ray …` command lines in the comments of a file or in the code blocks of a page."""
    lines = re.sub(r"\\\n[# ]*", "", text).splitlines()
    found = (re.match(r"(?:#   )?(?:RAY_AUTH_MODE=token )?ray ([a-z-]+ .*)", line) for line in lines)
    return [shlex.split(match[1], comments=True) for match in found if match]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.splitlines()[0][:50])
def test_bash_can_read(command: str) -> None:
    subprocess.run(["bash", "-n"], input=command, text=True, check=True)


@pytest.mark.parametrize("words", ray_commands(TEXT) + ray_commands(PAGE), ids=" ".join)
def test_the_installed_ray_has_the_command(words: list[str]) -> None:
    command: click.Command = ray
    while isinstance(command, click.Group):
        command, words = command.commands[words[0]], words[1:]
    understood(command, words)


def test_the_head_offers_no_cpu_and_no_gpu_whatever_the_provider() -> None:
    options = ray_start("head")
    assert (options["num_cpus"], options["num_gpus"]) == (0, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_ray_starts_with_its_dashboard_on_loopback(kind: str) -> None:
    assert ray_start(kind)["dashboard_host"] in ("127.0.0.1", "localhost")


@pytest.mark.parametrize("kind", KINDS)
def test_every_node_demands_the_token(kind: str, tmp_path: Path) -> None:
    assert environment(tmp_path, kind)["RAY_AUTH_MODE"] == "token"


def test_what_is_started_on_the_head_joins_the_cluster(tmp_path: Path) -> None:
    assert environment(tmp_path, "head")["RAY_ADDRESS"] == "auto"


@pytest.mark.parametrize("kind", KINDS)
def test_setting_up_twice_changes_nothing_more(kind: str, tmp_path: Path) -> None:
    environment(tmp_path, kind)
    once = (tmp_path / ".bashrc").read_text()
    environment(tmp_path, kind)
    assert (tmp_path / ".bashrc").read_text() == once


def test_mlflow_listens_to_its_own_machine_where_drivers_look_for_it(tmp_path: Path) -> None:
    options = mlflow_server()
    assert options["host"] == "127.0.0.1"
    assert environment(tmp_path, "head")["MLFLOW_TRACKING_URI"] == f"http://127.0.0.1:{options['port']}"


def test_mlflow_keeps_everything_in_the_shared_storage() -> None:
    options = mlflow_server()
    assert options["backend_store_uri"].startswith("sqlite:////mnt/shared/mlflow/")
    assert options["artifacts_destination"].startswith("/mnt/shared/mlflow/")


def test_one_mlflow_server_at_a_time_uses_the_database() -> None:
    (line,) = (line for line in STARTS["head"] if "mlflow server" in line)
    assert re.search(r"flock .*/mnt/shared/mlflow/server\.lock bash -c 'while sleep 1; do mlflow server ", line)
