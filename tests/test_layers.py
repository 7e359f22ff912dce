"""methods ← pipelines ← lso ← orchestrator: every package imports only what is to its left. Entry points see all."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENTRY_POINTS = {"lso/run.py"}
CLUSTER = {"ray", "mlflow", "optuna"}
SEARCH = {"botorch", "gpytorch"}
CHEMISTRY = {"rdkit", "selfies"}  # imported where it is needed, in functions
ARITHMETIC = {"torch", "numpy", "scipy", "sklearn", "jaxtyping"}
FORBIDDEN = {
    "methods": {"pipelines", "lso", "orchestrator", "benchmarks", "tests"},
    "pipelines": {"lso", "orchestrator", "benchmarks", "tests"} | CLUSTER | SEARCH,
    "lso": {"orchestrator", "benchmarks", "tests"} | CLUSTER,
    "orchestrator": {"benchmarks", "tests"} | SEARCH,
}


def files(package: str) -> list[str]:
    """The modules of a package, without entry points, which may import from everywhere."""
    found = (path.relative_to(ROOT).as_posix() for path in sorted((ROOT / package).rglob("*.py")))
    return [name for name in found if name not in ENTRY_POINTS]


def imported(source: str) -> Iterator[str]:
    """The top-level packages that a module imports, anywhere in its code."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "a relative import" if node.level else str(node.module).partition(".")[0]


def imports_of(file: str) -> set[str]:
    return set(imported((ROOT / file).read_text()))


LIBRARY = [(package, file) for package in FORBIDDEN for file in files(package)]


@pytest.mark.parametrize(("package", "file"), LIBRARY, ids=[file for _, file in LIBRARY])
def test_a_module_imports_nothing_to_the_right_of_its_package(package: str, file: str) -> None:
    assert imports_of(file) & FORBIDDEN[package] == set()


ORCHESTRATOR = ("definition", "records", "search", "running")
"""The packages of `orchestrator` in the order in which they may import each other."""


@pytest.mark.parametrize("place", range(len(ORCHESTRATOR)), ids=ORCHESTRATOR)
def test_the_packages_of_the_orchestrator_import_in_one_direction(place: int) -> None:
    later = {f"orchestrator.{name}" for name in (*ORCHESTRATOR[place + 1 :], "comparison")}
    for path in (ROOT / "orchestrator" / ORCHESTRATOR[place]).glob("*.py"):
        nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        modules = {".".join(str(node.module).split(".")[:2]) for node in nodes}
        assert modules & later == set(), path


@pytest.mark.parametrize("file", files("methods"))
def test_methods_need_arithmetic_and_nothing_else(file: str) -> None:
    assert imports_of(file) <= {"methods"} | ARITHMETIC | sys.stdlib_module_names


@pytest.mark.parametrize("file", sorted(ENTRY_POINTS))
def test_entry_points_leave_ray_and_mlflow_to_the_orchestrator(file: str) -> None:
    assert imports_of(file) & CLUSTER == set()


@pytest.mark.parametrize("package", FORBIDDEN)
def test_every_package_is_looked_at(package: str) -> None:
    assert f"{package}/__init__.py" in files(package)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import ray", {"ray"}),
        ("import mlflow.tracking as tracking, os", {"mlflow", "os"}),
        ("from ray.tune import Trainable", {"ray"}),
        ("def later():\n    if True:\n        from orchestrator.records import schema", {"orchestrator"}),
        ("from .. import lso", {"a relative import"}),
        ("text = 'import ray'", set()),
    ],
)
def test_imports_are_found_wherever_they_stand(source: str, found: set[str]) -> None:
    assert set(imported(source)) == found


BLOCKED = """
import importlib, pkgutil, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
for package in {packages!r}:
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        if module.name not in {entry_points!r}:
            importlib.import_module(module.name)
"""


@pytest.mark.parametrize(
    ("packages", "blocked"),
    [(["methods", "pipelines"], FORBIDDEN["pipelines"] | CHEMISTRY), (["lso"], FORBIDDEN["lso"] | CHEMISTRY)],
)
def test_packages_can_be_imported_where_what_they_must_not_use_is_not_installed(
    packages: list[str], blocked: set[str]
) -> None:
    entry_points = [file.removesuffix(".py").replace("/", ".") for file in sorted(ENTRY_POINTS)]
    script = BLOCKED.format(packages=packages, blocked=sorted(blocked), entry_points=entry_points)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
