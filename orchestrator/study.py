"""What a study is: which trials an experiment consists of, read from YAML."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import methods
from methods.core import ranges
from methods.core.errors import BadInput, unknown
from orchestrator.explanation import explained
from orchestrator.space import Space, grid, narrowed, nearest, size
from pipelines import datasets
from pipelines.console import parse
from pipelines.trial import Trial, searchable
from pipelines.trial import trial as checked

STUDIES = Path(__file__).parent / "studies"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Resources(_Strict):
    """What one trial takes of a node. A fraction of a GPU lets trials share it."""

    cpu: float = Field(default=1, gt=0)
    gpu: float = Field(default=0, ge=0)


class EarlyStopping(_Strict):
    """Asynchronous successive halving (ASHA, Li et al. 2020), within each method.

    After `grace` epochs, and then at every multiple by `reduction`, a trial goes on only if it is among the best
    1 / `reduction` of its method's trials so far.
    """

    grace: int = Field(default=5, ge=1)
    reduction: float = Field(default=3, gt=1)


class Study(_Strict):
    """An experiment: every method is searched, then its best configuration is replicated under fresh seeds.

    Attributes:
        description: what the study is for, what it costs and what to expect.
        data: the data set.
        methods: the methods, or `all`.
        trials: configurations tried for each method, its defaults first; for `search: grid`, the most that may be.
        seeds: replicates of each method's best configuration, under the seeds 1, 2, …; the search itself uses seed 0.
        metric: what chooses among configurations, `valid/<metric>` or `train/<term>`.
        mode: whether more (`max`) or less (`min`) of the metric is better.
        search: `tpe`, `random` or `grid`.
        early_stopping: stop bad configurations early; null lets all run to the end.
        resources: of a trial.
        fixed: settings that are the same in all trials, such as `epochs` or `latent`, or a method's hyperparameter.
        space: ranges to search beside the methods' own or in their place: `{low, high, log}` or a list of choices. A
            grid takes the ends and the middle of a range.
        report_every: epochs between two reports of a trial; default a twentieth of its epochs.
        system_metrics: report each trial's memory and CPU too, as `system/…`.
        seed: of the search.
    """

    description: str = ""
    data: str
    methods: Literal["all"] | list[str]
    trials: int = Field(default=8, ge=1)
    seeds: int = Field(default=3, ge=1)
    metric: str = "valid/elbo"
    mode: Literal["max", "min"] = "max"
    search: Literal["tpe", "random", "grid"] = "tpe"
    early_stopping: EarlyStopping | None = EarlyStopping()
    resources: Resources = Resources()
    fixed: dict[str, Any] = {}
    space: dict[str, dict[str, Any] | list[Any]] = {}
    report_every: int | None = Field(default=None, ge=1)
    system_metrics: bool = False
    seed: int = Field(default=0, ge=0)

    @property
    def definition(self) -> str:
        """Hash of all that decides which trials run."""
        text = json.dumps(self.model_dump(exclude=ASIDE), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def method_names(self) -> list[str]:
        return methods.names() if self.methods == "all" else list(self.methods)

    def ranges(self, method: str) -> Space:
        """What is searched for `method`: its own hyperparameters and what `space` adds, less what is fixed."""
        declared = {name: entry.range for name, entry in searchable(method).items()}
        own = {name: span for name, span in declared.items() if name not in _SHARED}
        given = {name: span for name, span in self.space.items() if name in declared}
        added = {name: narrowed(name, span, declared=declared[name]) for name, span in given.items()}
        return {name: span for name, span in (own | added).items() if name not in self.fixed}

    def configurations(self, method: str) -> int:
        """How many configurations of `method` are tried, where none is met twice."""
        distinct = len(self.first(method)) if self.search == "grid" else size(self.ranges(method))
        return int(min(self.trials, distinct))

    def first(self, method: str) -> list[dict[str, Any]]:
        """The configurations that do not depend on results: the defaults, then for a grid its points."""
        defaults, points = self.defaults(method), grid(self.ranges(method)) if self.search == "grid" else ()
        others = (point for point in points if point != defaults)
        return [defaults, *itertools.islice(others, self.trials - 1)]

    def trial(self, method: str, chosen: Mapping[str, Any], *, seed: int) -> Trial:
        """The trial of `method` with the `chosen` settings and what the study fixes."""
        known = set(searchable(method)) | {"network", "likelihood"}
        fixed = {name: value for name, value in self.fixed.items() if name in known}
        return checked({"data": self.data, "method": method, "seed": seed} | fixed | dict(chosen))

    def defaults(self, method: str) -> dict[str, Any]:
        """The method's own defaults, or what is nearest to them in the searched ranges: its first configuration."""
        known = searchable(method)
        return {name: nearest(span, known[name].default) for name, span in self.ranges(method).items()}

    def reports(self, epochs: int) -> int:
        """Epochs between two reports of a trial of `epochs` epochs."""
        return self.report_every or max(1, epochs // 20)


ASIDE = {"description", "resources", "system_metrics"}
"""Keys that may change when a study is continued: they do not decide which trials run."""

_SHARED = set(ranges.declared(Trial))
"""Settings of every trial, searched only where a study's `space` names them."""


def names() -> list[str]:
    """The studies that ship."""
    return sorted(path.stem for path in STUDIES.glob("*.yaml"))


def find(reference: str) -> tuple[str, Path]:
    """The name and the file of a study that ships, or of a YAML file.

    Raises:
        BadInput: there is no such file.
    """
    path = Path(reference)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise BadInput(f"no study file {reference}: give the path of a YAML file or one of {', '.join(names())}")
        return path.stem, path
    if reference not in names():
        raise unknown("study", reference, names())
    return reference, STUDIES / f"{reference}.yaml"


def read(path: Path, overrides: Mapping[str, Any] | None = None) -> Study:
    """The study that a YAML file defines, with `overrides` by dotted key (`fixed.epochs`).

    Raises:
        BadInput: no YAML, a missing or unknown key (with the nearest real one), or a value that is not possible.
    """
    try:
        content = parse(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        raise BadInput(f"{path} is no YAML{f', see line {where.line + 1}' if where else ''}") from error
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    if not isinstance(content, dict):
        raise BadInput(f"{path} must hold keys and values such as 'data: mnist', got {type(content).__name__}")
    for key, value in (overrides or {}).items():
        _assign(content, key, value)
    try:
        study = Study.model_validate(content)
    except ValidationError as error:
        raise explained(str(path), error, Study) from error
    _check(study, path)
    return study


def _assign(content: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        below = content.get(parent)
        content[parent] = content = dict(below) if isinstance(below, dict) else {}
    content[last] = value


def _check(study: Study, path: Path) -> None:
    """What pydantic cannot know: every name, every fixed value, every range."""
    if not study.method_names or len(set(study.method_names)) < len(study.method_names):
        raise BadInput(f"{path}: methods must name at least one method, each once, got {study.methods!r}")
    if study.data not in datasets.names():
        raise BadInput(f"{path}: {unknown('data set', study.data, datasets.names())}")
    if not study.metric.startswith(("valid/", "train/")):
        raise BadInput(f"{path}: metric must begin with valid/ or train/, got {study.metric!r}")
    try:
        _check_settings(study)
        for method in study.method_names:
            study.ranges(method)
            study.trial(method, {}, seed=0)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error


def _check_settings(study: Study) -> None:
    known = {name for method in study.method_names for name in searchable(method)} - {"seed"}
    for key in study.space:
        if key not in known:
            raise unknown("setting in space", key, known)
        if key in study.fixed:
            raise BadInput(f"{key} is both in fixed and in space: take it out of one of them")
    for key in study.fixed:
        if key not in known | {"network", "likelihood"}:
            raise unknown("setting in fixed", key, known | {"network", "likelihood"})
