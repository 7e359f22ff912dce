"""What a study is: which trials an experiment consists of, read from YAML."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import methods
from methods.core import ranges
from methods.core.errors import BadInput, unknown
from orchestrator import paper, scale
from orchestrator.arm import Arm, arm
from orchestrator.explanation import explained
from orchestrator.paper import Paper
from orchestrator.space import Space, grid, narrowed, nearest, size
from pipelines import datasets, presets
from pipelines.console import parse
from pipelines.datasets import shares
from pipelines.metrics.registry import groups_of
from pipelines.trial import Trial, searchable
from pipelines.trial import trial as checked

STUDIES = Path(__file__).parent / "studies"
PAPERS = STUDIES / "papers"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Resources(_Strict):
    """What one trial takes of a node. A fraction of a GPU lets trials share it."""

    cpu: float = Field(default=1, gt=0)
    gpu: float = Field(default=0, ge=0)


class EarlyStopping(_Strict):
    """Asynchronous successive halving (ASHA, Li et al. 2020), within each branch.

    After `grace` epochs, and then at every multiple by `reduction`, a trial goes on only if it is among the best
    1 / `reduction` of its branch's trials so far. A trial that two branches share competes in the one that began it.
    """

    grace: int = Field(default=5, ge=1)
    reduction: float = Field(default=3, gt=1)


class Branch(NamedTuple):
    """An arm on a data set, which is named without a share: what is searched and replicated on its own."""

    arm: Arm
    data: str


class Study(_Strict):
    """An experiment: every arm is searched on every data set, then its best configuration is replicated.

    An arm on a data set is a branch. Its name is that of the arm, followed by `on` and the data set where a study has
    several.

    Attributes:
        description: what the study is for, what it costs and what to expect.
        data: the data set, or several.
        methods: the methods, or `all`, or arms.
            An arm is `{name, method, …}` with settings of its own. Two arms whose settings are equal share the trial.
        trials: configurations tried for each branch, its defaults first; for `search: grid`, the most that may be.
        seeds: replicates of each branch's best configuration, under the seeds 1, 2, …; the search itself uses seed 0.
        metric: what chooses among configurations, `valid/<metric>` or `train/<term>`.
        mode: whether more (`max`) or less (`min`) of the metric is better.
        search: `tpe`, `random` or `grid`.
        early_stopping: stop bad configurations early; null lets all run to the end.
        resources: of a trial.
        preset: settings to start from, `lineage` or `harmonised`. What it sets is fixed, unless `fixed` or `space` says
            otherwise.
        fixed: settings that are the same in all trials, such as `epochs` or `latent`, or a method's hyperparameter.
        per_data: what is fixed otherwise on a data set, `{caltech101: {clusters: 101}}`. An arm's settings go first.
        space: ranges to search beside the methods' own or in their place: `{low, high, log}` or a list of choices. A
            grid takes the ends and the middle of a range.
        metrics: of `python -m pipelines.evaluate`, or groups of them: measured of replicates beside the usual ones.
        report_every: epochs between two reports of a trial; default a twentieth of its epochs.
        system_metrics: report each trial's memory and CPU too, as `system/…`.
        seed: of the search.
        scale: share of the epochs, seeds and training rows, for a machine without a GPU.
        paper: the tables of a paper that the study reproduces.
    """

    description: str = ""
    data: str | list[str]
    methods: Literal["all"] | list[str | Arm]
    trials: int = Field(default=8, ge=1)
    seeds: int = Field(default=3, ge=1)
    metric: str = "valid/elbo"
    mode: Literal["max", "min"] = "max"
    search: Literal["tpe", "random", "grid"] = "tpe"
    early_stopping: EarlyStopping | None = EarlyStopping()
    resources: Resources = Resources()
    preset: str | None = None
    fixed: dict[str, Any] = {}
    per_data: dict[str, dict[str, Any]] = {}
    space: dict[str, dict[str, Any] | list[Any]] = {}
    metrics: list[str] = []
    report_every: int | None = Field(default=None, ge=1)
    system_metrics: bool = False
    seed: int = Field(default=0, ge=0)
    scale: float = Field(default=1.0, gt=0, le=1)
    paper: Paper | None = None

    @property
    def definition(self) -> str:
        """Hash of all that decides which trials run. A key that is later added to studies does not change it."""
        text = json.dumps(self.model_dump(exclude=ASIDE, exclude_defaults=True), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def data_names(self) -> list[str]:
        return [self.data] if isinstance(self.data, str) else list(self.data)

    @property
    def loaded(self) -> dict[str, str]:
        """For each data set the name under which trials have it: with its share, where the study is scaled."""
        return {name: shares.named(name, self.scale) for name in self.data_names}

    @property
    def arms(self) -> list[Arm]:
        return [arm(entry) for entry in (methods.names() if self.methods == "all" else self.methods)]

    @property
    def branches(self) -> dict[str, Branch]:
        """Everything that is searched on its own, by name: on each data set every arm."""
        found = (Branch(one, name) for name in self.data_names for one in self.arms)
        return {self.label(branch.arm.name, branch.data): branch for branch in found}

    @property
    def replicates(self) -> int:
        """Replicates of a branch, as scaled."""
        return scale.seeds(self.seeds, self.scale)

    def label(self, name: str, data: str) -> str:
        """The name of the branch of an arm on a data set."""
        return name if isinstance(self.data, str) else f"{name} on {shares.parted(data)[0]}"

    def labels(self, arms: Iterable[str], settings: Mapping[str, Any]) -> list[str]:
        """The branches of a trial with these `settings` that `arms` proposed."""
        return [self.label(name, settings.get("data", "")) for name in arms]

    def ranges(self, branch: str) -> Space:
        """What is searched: the method's own hyperparameters and what `space` adds, less what is given."""
        found = self.branches[branch]
        declared = {name: entry.range for name, entry in searchable(found.arm.method).items()}
        own = {name: span for name, span in declared.items() if name not in _SHARED}
        given = {name: span for name, span in self.space.items() if name in declared}
        added = {name: narrowed(name, span, declared=declared[name]) for name, span in given.items()}
        settled = set(self._fixed(found)) | (set(self._preset(found)) - set(self.space))
        return {name: span for name, span in (own | added).items() if name not in settled}

    def configurations(self, branch: str) -> int:
        """How many configurations are tried, where none is met twice."""
        distinct = len(self.first(branch)) if self.search == "grid" else size(self.ranges(branch))
        return int(min(self.trials, distinct))

    def first(self, branch: str) -> list[dict[str, Any]]:
        """The configurations that do not depend on results: the defaults, then for a grid its points."""
        defaults, points = self.defaults(branch), grid(self.ranges(branch)) if self.search == "grid" else ()
        others = (point for point in points if point != defaults)
        return [defaults, *itertools.islice(others, self.trials - 1)]

    def trial(self, branch: str, chosen: Mapping[str, Any], *, seed: int) -> Trial:
        """The trial with the `chosen` settings and what the study fixes."""
        found = self.branches[branch]
        start = {"data": self.loaded[found.data], "method": found.arm.method, "seed": seed}
        return checked(start | self._given(found) | dict(chosen))

    def defaults(self, branch: str) -> dict[str, Any]:
        """The first configuration: in all that is searched the preset's values or the method's own defaults, or what is
        nearest to them in the range."""
        found = self.branches[branch]
        declared = {name: entry.default for name, entry in searchable(found.arm.method).items()}
        usual = declared | self._given(found)
        return {name: nearest(span, usual[name]) for name, span in self.ranges(branch).items()}

    def reports(self, epochs: int) -> int:
        """Epochs between two reports of a trial of `epochs` epochs."""
        return self.report_every or max(1, epochs // 20)

    def _given(self, branch: Branch) -> dict[str, Any]:
        """All settings that the study gives, as scaled: then also the times in epochs that are otherwise left out."""
        given = self._preset(branch) | self._fixed(branch)
        if self.scale == 1:
            return given
        usual = {name: entry.default for name, entry in searchable(branch.arm.method).items() if scale.in_epochs(name)}
        return scale.settings(usual | given, self.scale)

    def _preset(self, branch: Branch) -> dict[str, Any]:
        """What the preset sets; nothing without a preset."""
        return {} if self.preset is None else presets.settings(self.preset, branch.arm.method, branch.data)

    def _fixed(self, branch: Branch) -> dict[str, Any]:
        """What is the same in all trials of the branch, beside the preset."""
        known = set(searchable(branch.arm.method)) | _NETWORK
        common = self.fixed | self.per_data.get(branch.data, {})
        return {name: value for name, value in common.items() if name in known} | branch.arm.settings


ASIDE = {"description", "resources", "system_metrics", "metrics", "paper"}
"""Keys that may change when a study is continued: they do not decide which trials run."""

_NETWORK = {"network", "likelihood", "pixels"}
"""Settings of every trial that cannot be searched."""

_SHARED = set(ranges.declared(Trial))
"""Settings of every trial, searched only where a study's `space` names them."""


def names() -> list[str]:
    """The studies that ship."""
    return sorted(_files())


def find(reference: str) -> tuple[str, Path]:
    """The name and the file of a study that ships, of one that reproduces a paper's table, or of a YAML file.

    Raises:
        BadInput: there is no such file.
    """
    path = Path(reference)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise BadInput(f"no study file {reference}: give the path of a YAML file or one of {', '.join(names())}")
        return path.stem, path
    files = _files()
    if reference not in files and reference not in aliases():
        raise unknown("study", reference, [*files, *aliases()])
    name = reference if reference in files else aliases()[reference]
    return name, files[name]


def aliases() -> dict[str, str]:
    """Names of tables and figures, such as `hub_vae_supp_table_2`, and the study that reproduces each."""
    found: dict[str, str] = {}
    for path in sorted(PAPERS.glob("*.yaml")):
        block = (parse(path.read_text()) or {}).get("paper")
        found |= dict.fromkeys(Paper.model_validate(block).aliases if block else [], path.stem)
    return found


def _files() -> dict[str, Path]:
    return {path.stem: path for folder in (STUDIES, PAPERS) for path in folder.glob("*.yaml")}


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
    rows, data = [one.name for one in study.arms], study.data_names
    if not rows or len(set(rows)) < len(rows):
        raise BadInput(f"{path}: methods must name at least one method, each once, got {study.methods!r}")
    if not data or len(set(data)) < len(data):
        raise BadInput(f"{path}: data must name at least one data set, each once, got {study.data!r}")
    if not study.metric.startswith(("valid/", "train/")):
        raise BadInput(f"{path}: metric must begin with valid/ or train/, got {study.metric!r}")
    try:
        _check_names(study)
        _check_settings(study)
        for branch in study.branches:
            study.ranges(branch)
            study.trial(branch, {}, seed=0)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error


def _check_names(study: Study) -> None:
    for name in study.data_names:
        if name not in datasets.names():
            raise unknown("data set", name, datasets.names())
    for name in study.per_data:
        if name not in study.data_names:
            raise unknown("data set in per_data", name, study.data_names)
    groups_of(study.metrics)
    if study.paper is not None:
        paper.check(study.paper)


def _check_settings(study: Study) -> None:
    known = {name for one in study.arms for name in searchable(one.method)} - {"seed"}
    for key in study.space:
        if key not in known:
            raise unknown("setting in space", key, known)
        if key in study.fixed:
            raise BadInput(f"{key} is both in fixed and in space: take it out of one of them")
    given = [("fixed", key) for key in study.fixed] + [
        ("per_data", key) for entry in study.per_data.values() for key in entry
    ]
    for where, key in given:
        if key not in known | _NETWORK:
            raise unknown(f"setting in {where}", key, known | _NETWORK)
    for one in study.arms:
        if held := {"data", "seed"} & set(one.settings):
            raise BadInput(f"the arm {one.name!r} sets {held.pop()}, which is the study's to set")
