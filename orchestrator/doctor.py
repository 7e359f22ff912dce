"""Everything that a study needs, checked before it is started.

python -m orchestrator.doctor
python -m orchestrator.doctor --address auto --results /mnt/shared/results --cluster cluster.yaml
"""

from __future__ import annotations

import argparse
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import mlflow
import requests
from filelock import FileLock, Timeout
from mlflow.tracking import MlflowClient
from rich.table import Table

from methods.core.errors import BadInput
from orchestrator.records import location
from orchestrator.records.connection import reason, shown
from orchestrator.running import cluster, cluster_file, nodes, places
from orchestrator.running.nodes import Node
from pipelines import console

GOOD, DOUBTFUL, BAD = "ok", "warning", "error"
_STYLES = {GOOD: "green", DOUBTFUL: "yellow", BAD: "bold red"}
_FREE_GIB = {BAD: 1.0, DOUBTFUL: 10.0}
_SLOW_SECONDS = 0.5  # for a call of MLflow, of which a trial needs one a report


@dataclass(frozen=True)
class Check:
    """What one look has found.

    Attributes:
        what: was looked at.
        state: `ok`, `warning` or `error`.
        found: in words, with what helps.
    """

    what: str
    state: str
    found: str


def tracking(uri: str) -> Iterator[Check]:
    """Whether MLflow answers, how fast, with which version, and whether it can be given files."""
    try:
        client = location.connect(uri, create=False)
    except BadInput as error:
        local = uri.startswith("sqlite:") and "there is no MLflow database" in str(error)
        yield Check("tracking", GOOD if local else BAD, f"{shown(uri)} will be made" if local else str(error))
        return
    start = time.perf_counter()
    client.search_experiments(max_results=1)
    seconds = time.perf_counter() - start
    slow = "" if seconds < _SLOW_SECONDS else ": slow, studies with many trials will lag behind in it"
    yield Check("tracking", DOUBTFUL if slow else GOOD, f"{shown(uri)} answers in {1000 * seconds:.0f} ms{slow}")
    if uri.startswith("http"):
        yield _server_version(uri)
        yield _artifacts(client)


def _server_version(uri: str) -> Check:
    try:
        found = requests.get(f"{uri.rstrip('/')}/version", timeout=10).text.strip()[:20]
    except requests.RequestException as error:
        return Check("MLflow version", DOUBTFUL, f"the server does not say its version ({reason(error)})")
    equal = found.split(".")[0] == mlflow.__version__.split(".")[0]
    remedy = "" if equal else ": install the same major version on both"
    return Check("MLflow version", GOOD if equal else BAD, f"{found} there, {mlflow.__version__} here{remedy}")


def _artifacts(client: MlflowClient) -> Check:
    place = client.get_experiment("0").artifact_location
    if place.startswith(("file:", "/", "./")):
        return Check(
            "artifacts",
            BAD,
            f"the server keeps files in {place}, a folder of its own machine that others cannot write: start it with "
            "--artifacts-destination",
        )
    return Check("artifacts", GOOD, place.partition(":")[0] + ": the server takes them")


def storage(results: Path) -> Iterator[Check]:
    """Whether records can be written, locked and kept."""
    folder = next(place for place in (results, *results.parents) if place.exists())
    probe = results / f".doctor-{os.getpid()}"
    made = not results.exists()
    try:
        results.mkdir(parents=True, exist_ok=True)
        start = time.perf_counter()
        probe.write_text("x")
        os.replace(probe, probe.with_suffix(".moved"))
        seconds = time.perf_counter() - start
        yield _lock(probe.with_suffix(".lock"))
        yield Check("results", GOOD, f"{results} can be written, in {1000 * seconds:.1f} ms a file")
    except OSError as error:
        yield Check("results", BAD, f"{results} cannot be written ({error.strerror}): choose another with --results")
    finally:
        for path in results.glob(f".doctor-{os.getpid()}*"):
            path.unlink(missing_ok=True)
        if made and results.is_dir() and not any(results.iterdir()):
            results.rmdir()
    yield _disk("disk", folder)


def _lock(path: Path) -> Check:
    try:
        with FileLock(path, timeout=0), FileLock(path, timeout=0, is_singleton=False):
            return Check("locks", BAD, f"{path.parent} gives a lock twice: two sweeps could run one study")
    except Timeout:
        return Check("locks", GOOD, "one sweep at a time can hold a study")
    except (OSError, NotImplementedError) as error:
        return Check("locks", BAD, f"{path.parent} has no locks ({error}): two sweeps could run one study")


def _disk(what: str, folder: Path) -> Check:
    return _room(what, shutil.disk_usage(folder).free / 2**30, str(folder))


def _room(what: str, gib: float, where: str) -> Check:
    state = next((state for state, least in _FREE_GIB.items() if gib < least), GOOD)
    return Check(what, state, f"{gib:.0f} GiB free in {where}" + ("" if state == GOOD else ": make room"))


def token(where: str) -> Iterator[Check]:
    """Whether this process can join a cluster that asks for a token."""
    path, mode = Path(os.environ.get("RAY_AUTH_TOKEN_PATH", "~/.ray/auth_token")).expanduser(), _mode()
    has = bool(os.environ.get("RAY_AUTH_TOKEN")) or path.is_file()
    if mode == "token" and not has:
        yield Check("token", BAD, f"RAY_AUTH_MODE=token, but there is no {path}: ray get-auth-token --generate")
    elif path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Check("token", DOUBTFUL, f"others can read {path}, and run code on the cluster with it: chmod 600 {path}")
    elif where != "local" and mode == "disabled":
        yield Check("token", DOUBTFUL, "RAY_AUTH_MODE=disabled: whoever reaches the cluster's ports can run code on it")
    else:
        yield Check("token", GOOD, "there" if has else "none, and none is asked for on this machine alone")


def _mode() -> str:
    return os.environ.get("RAY_AUTH_MODE", "")


def machines(found: list[Node], driver: Node, results: Path) -> Iterator[Check]:
    """Whether nodes agree with the machine that starts studies, and have what trials need."""
    for node in found:
        name = f"node {node.name}" if len(found) > 1 else "this machine"
        yield _versions(name, node, driver)
        yield _room(f"{name}, disk", node.free_gib, "its folder for temporary files")
        yield _gpus(name, node)
        if len(found) > 1 and not node.sees_results:
            yield Check(
                name, BAD, f"does not see {results}: use storage that all nodes share, with --results /shared/…"
            )


def _versions(name: str, node: Node, driver: Node) -> Check:
    other = [
        f"{package} {found} there, {driver.versions.get(package, 'none')} here"
        for package, found in node.versions.items()
        if found != driver.versions.get(package)
    ]
    if other:
        return Check(f"{name}, versions", BAD, "; ".join(other) + ": install the same")
    return Check(f"{name}, versions", GOOD, ", ".join(f"{package} {found}" for package, found in node.versions.items()))


def _gpus(name: str, node: Node) -> Check:
    seen, granted = len(node.gpus), node.granted
    if granted > seen:
        return Check(
            f"{name}, GPU", BAD, f"Ray has {granted:g} GPUs, torch sees {seen}: check driver and torch's build"
        )
    if seen > granted and granted == 0:
        return Check(f"{name}, GPU", DOUBTFUL, f"torch sees {seen}, Ray has none: no trial can ask for one")
    return Check(f"{name}, GPU", GOOD, ", ".join(node.gpus) or "none: trials train on the CPU")


def cluster_yaml(path: Path) -> Iterator[Check]:
    """What is wrong with the file of Ray's cluster launcher."""
    try:
        findings = cluster_file.lint(*cluster_file.read(path))
    except BadInput as error:
        yield Check(path.name, BAD, str(error))
        return
    for finding in findings:
        yield Check(path.name, BAD if finding.serious else DOUBTFUL, finding.text)
    if not findings:
        yield Check(path.name, GOOD, "Ray accepts it, and nothing else is wrong with it")


def ray(where: str, results: Path) -> Iterator[Check]:
    """Whether the cluster is there, and each of its nodes as it should be; this machine alone without a cluster."""
    driver = nodes.here(str(results))
    if where == "local":
        # A sweep on this machine starts Ray itself, which counts the GPUs that torch sees.
        yield from machines([Node(**vars(driver) | {"granted": len(driver.gpus)})], driver, results)
        return
    try:
        with cluster.started(where):
            found = nodes.all_of(results)
    except BadInput as error:
        yield Check("Ray", BAD, str(error))
    except Exception as error:  # of the cluster, whatever it is
        yield Check("Ray", BAD, f"a node of {where} does not answer ({reason(error)}): ray status says more")
    else:
        yield Check("Ray", GOOD, f"{where}: {len(found)} node{'s' * (len(found) != 1)}")
        yield from machines(found, driver, results)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    where, results = cluster.address(options.address), Path(options.results).resolve()
    looks: list[Callable[[], Iterator[Check]]] = [
        lambda: tracking(location.tracking_uri(options.tracking_uri)),
        lambda: storage(results),
        lambda: token(where),
        lambda: ray(where, results),
    ]
    if options.cluster:
        looks.append(lambda: cluster_yaml(Path(options.cluster)))
    checks = [check for look in looks for check in look()]
    _print(checks)
    return int(any(check.state == BAD for check in checks))


def _print(checks: list[Check]) -> None:
    if not console.OUT.is_terminal:
        for check in checks:
            console.OUT.print(f"{check.state}: {check.what}: {check.found}", markup=False, soft_wrap=True)
        return
    table = Table(show_lines=False)
    for column in ("what", "state", "found"):
        table.add_column(column, overflow="fold")
    for check in checks:
        table.add_row(check.what, f"[{_STYLES[check.state]}]{check.state}[/]", check.found.replace("[", r"\["))
    console.OUT.print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m orchestrator.doctor",
        description="Check everything that a study needs. The exit code is 1 where something is an error.",
    )
    parser.add_argument("--address", help="Ray cluster to look at, or auto (default: $RAY_ADDRESS, else this machine)")
    parser.add_argument("--cluster", metavar="FILE", help="a file of Ray's cluster launcher to check, as cluster.yaml")
    places.add_places(parser)
    return parser


if __name__ == "__main__":
    console.run(main)
