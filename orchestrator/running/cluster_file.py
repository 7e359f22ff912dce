"""What is wrong with a cluster.yaml: by Ray's own schema, then what Ray accepts and users regret.

Ray's launcher merges its defaults key by key, so that a list left out is replaced by one that installs a nightly Ray
and pins no Python; it keeps stopped machines and their disks; and it accepts placeholders.
"""

from __future__ import annotations

import copy
import platform
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import yaml

from methods.core.errors import BadInput

_COMMANDS = (
    "setup_commands",
    "head_setup_commands",
    "worker_setup_commands",
    "head_start_ray_commands",
    "worker_start_ray_commands",
)
_SECRET = r"A(KI|SI)A[0-9A-Z]{16}|PRIVATE KEY|(?i:password|access_key|api_key)|\b[0-9a-f]{32}\b|://\S+:\S+@"
_TOKEN = "~/.ray/auth_token"
_LEFT_OUT = {"/.git": ".git", "/.venv": ".venv", "/results": "results"}
"""What a mounted checkout goes without, and how else that may be written."""


@dataclass(frozen=True)
class Finding:
    """Something about the file.

    Attributes:
        serious: whether the cluster would not work, or cost money unnoticed.
        text: what, and what to do.
    """

    serious: bool
    text: str


def read(path: Path) -> tuple[dict[str, Any], str]:
    """The content of a cluster.yaml, and its text.

    Raises:
        BadInput: it cannot be read, or is no YAML of keys and values.
    """
    try:
        text = path.read_text()
        config = yaml.safe_load(text)
    except (OSError, yaml.YAMLError) as error:
        raise BadInput(f"{path} cannot be read as YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(config, dict):
        raise BadInput(f"{path} must hold keys and values, as Ray's cluster launcher takes them")
    return config, text


def lint(config: dict[str, Any], text: str = "") -> list[Finding]:
    """All that is wrong; the schema alone where Ray refuses the file.

    Args:
        config: content of the file.
        text: the file itself, searched for placeholders and secrets.
    """
    refused = _refused(config)
    if refused:
        return [Finding(True, refused)]
    return [finding for rule in _RULES for finding in rule(config)] + list(_in_text(text))


def _refused(config: dict[str, Any]) -> str:
    """Why Ray refuses the file; empty where it does not."""
    from ray.autoscaler._private.util import prepare_config, validate_config  # slow

    try:
        validate_config(prepare_config(copy.deepcopy(config)))
    except ModuleNotFoundError as error:
        return f"Ray cannot check the file, since {error.name} is missing: pip install {error.name}"
    except Exception as error:  # jsonschema's, ValueError, TypeError, KeyError, and those of the clouds
        where = ".".join(str(part) for part in getattr(error, "absolute_path", ()))
        reason = getattr(error, "message", None) or str(error).strip().splitlines()[0]
        return f"Ray refuses it{f' at {where}' if where else ''}: {reason}"
    return ""


def _defaults(config: dict[str, Any]) -> Iterator[Finding]:
    for key in _COMMANDS:
        if key not in config:
            yield Finding(True, f"{key} is left to Ray's defaults, which install a nightly Ray: write it down")


def _ray_version(config: dict[str, Any]) -> Iterator[Finding]:
    for kind in ("head", "worker"):
        commands = "\n".join(_commands(config, "setup_commands", f"{kind}_setup_commands"))
        image = str(config.get("docker", {}).get("image", ""))
        pins = set(re.findall(r"\bray(?:\[[\w,]+\])?==([\w.]+)", commands))
        if not pins and not image:
            yield Finding(True, f"no Ray is pinned on {kind}s: install ray=={ray.__version__}, as here")
        for pin in pins - {ray.__version__}:
            yield Finding(True, f"{kind}s install Ray {pin}, but here is {ray.__version__}: nodes must be equal")


def _python_version(config: dict[str, Any]) -> Iterator[Finding]:
    here = ".".join(platform.python_version_tuple()[:2])
    for found in re.findall(r"--python[ =](\d+\.\d+)", "\n".join(_commands(config, *_COMMANDS))):
        if found != here:
            yield Finding(True, f"nodes get Python {found}, but here is {here}: Ray refuses nodes that differ")


def _head(config: dict[str, Any]) -> Iterator[Finding]:
    types = config.get("available_node_types", {})
    head = types.get(config.get("head_node_type"), {})
    started = "\n".join(_commands(config, "head_start_ray_commands"))
    if head and head.get("resources", {}).get("CPU") != 0 and not re.search(r"--num-cpus[ =]0\b", started):
        yield Finding(False, "the head runs trials, which take memory from MLflow and Ray: give it resources {CPU: 0}")


def _limits(config: dict[str, Any]) -> Iterator[Finding]:
    most = config.get("max_workers", 2)
    for name, entry in config.get("available_node_types", {}).items():
        if entry.get("max_workers", 0) > most:
            yield Finding(False, f"{name} may have {entry['max_workers']} workers, but max_workers is {most} for all")


def _spot(config: dict[str, Any]) -> Iterator[Finding]:
    workers = {
        name: entry for name, entry in config.get("available_node_types", {}).items() if entry.get("max_workers")
    }
    spot = [name for name, entry in workers.items() if _is_spot(entry)]
    if spot and len(spot) == len(workers):
        yield Finding(
            False, f"all workers are spot machines ({', '.join(spot)}): add a type without, or trials may wait"
        )


def _is_spot(entry: dict[str, Any]) -> bool:
    node = entry.get("node_config", {})
    market = node.get("InstanceMarketOptions", {}).get("MarketType")
    return market == "spot" or any(place.get("preemptible") for place in node.get("scheduling", []) if place)


def _stopped(config: dict[str, Any]) -> Iterator[Finding]:
    provider = config.get("provider", {})
    if provider.get("type") in ("aws", "gcp", "azure") and provider.get("cache_stopped_nodes", True):
        yield Finding(
            True, "machines are only stopped, and their disks go on costing: provider.cache_stopped_nodes: False"
        )


def _token(config: dict[str, Any]) -> Iterator[Finding]:
    commands = "\n".join(_commands(config, *_COMMANDS))
    if not any(target.endswith(".ray/auth_token") for target in config.get("file_mounts", {})):
        yield Finding(True, f"nodes get no token, and cannot join: file_mounts {{{_TOKEN!r}: {_TOKEN!r}}}")
    if "RAY_AUTH_MODE" not in commands and "RAY_AUTH_MODE" not in str(config.get("docker", "")):
        yield Finding(True, "nodes do not ask for the token: export RAY_AUTH_MODE=token in setup_commands")


def _checkout(config: dict[str, Any]) -> Iterator[Finding]:
    excluded = set(config.get("rsync_exclude", []))
    if "." in config.get("file_mounts", {}).values():
        missing = [name for name, other in _LEFT_OUT.items() if not {name, other, f"{other}/**"} & excluded]
        if missing:
            yield Finding(False, f"the checkout is copied with {', '.join(missing)}: put them in rsync_exclude")


def _containers(config: dict[str, Any]) -> Iterator[Finding]:
    docker = config.get("docker", {})
    options = " ".join(map(str, _every(docker, "run_options")))
    if docker.get("image") and "--shm-size" not in options:
        yield Finding(False, "containers get 64 MB of shared memory, too little for Ray's objects: --shm-size=…")


def _in_text(text: str) -> Iterator[Finding]:
    places = [number for number, line in enumerate(text.splitlines(), 1) if re.match(r"[^#]*CHANGEME", line)]
    if places:
        yield Finding(True, f"CHANGEME is still in line {', '.join(map(str, places))}: see the top of the file")
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(_SECRET, line):
            yield Finding(True, f"line {number} looks like a secret: everyone with the file has it")


def _commands(config: dict[str, Any], *keys: str) -> list[str]:
    return [str(command) for key in keys for command in config.get(key) or []]


def _every(docker: dict[str, Any], what: str) -> Iterator[Any]:
    for key in (what, f"head_{what}", f"worker_{what}"):
        yield from docker.get(key, [])


_RULES: tuple[Callable[[dict[str, Any]], Iterator[Finding]], ...] = (
    _defaults,
    _ray_version,
    _python_version,
    _head,
    _limits,
    _spot,
    _stopped,
    _token,
    _checkout,
    _containers,
)
