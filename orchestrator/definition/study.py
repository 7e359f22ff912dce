"""What a study is: which trials an experiment consists of."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, Field, model_validator

import methods
from methods.core import ranges
from orchestrator.definition import generations, scale
from orchestrator.definition.arm import Arm, arm
from orchestrator.definition.budget import Budget, Prices
from orchestrator.definition.early_stopping import EarlyStopping
from orchestrator.definition.objectives import Objective, Objectives
from orchestrator.definition.optimization import Optimization
from orchestrator.definition.paper import Paper
from orchestrator.definition.space import Space, grid, narrowed, nearest, size
from orchestrator.definition.strict import STRICT
from pipelines import presets
from pipelines.datasets import shares
from pipelines.trial import Trial, searchable
from pipelines.trial import trial as checked

Mode = Literal["max", "min"]


AUTO = "auto"
"""In place of a number of GPUs: what trials of a branch need is measured at the start."""


class Resources(BaseModel):
    """What one trial takes of a node. A fraction of a GPU lets trials share it; `auto` measures each branch's."""

    model_config = STRICT

    cpu: float = Field(default=1, gt=0)
    gpu: Annotated[float, Field(ge=0)] | Literal["auto"] = 0.0

    @property
    def most_gpu(self) -> float:
        """The most of a GPU that a trial may get: one, where that is measured."""
        return 1.0 if self.gpu == AUTO else float(self.gpu)


class Branch(NamedTuple):
    """An arm on a data set, which is named without a share: what is searched and replicated on its own."""

    arm: Arm
    data: str


class Study(BaseModel):
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
            Where there is but one configuration, nothing is searched and the replicates are all trials.
        metric: what chooses among configurations, `valid/<metric>` or `train/<term>`; or a list of several, which may
            have the `seconds` of an epoch among them. Of several metrics the configurations of the Pareto front are
            replicated, which no other configuration of the branch beats in one metric without being worse in another.
        mode: whether more (`max`) or less (`min`) of the metric is better; of several metrics a list.
        front: of several metrics, the most configurations of a branch that are replicated.
        search: what proposes configurations: `tpe`, `gp`, `nsga2`, `random` or `grid`; or `pbt`, population-based
            training of `trials` members, whose settings change while they train.
        generations: of `pbt`, 5 where nothing is said: after every one, the worst members take over from the best.
        early_stopping: stop bad configurations early: a rule's name, or its keys; null lets all run to the end, as they
            do with `pbt`.
        resources: of a trial. With `gpu: auto` each branch's share of a GPU follows from what its trials take, which is
            measured at the start; without GPUs in the cluster it is none.
        budget: what all starts of the study together may spend.
        prices: of a CPU and of a GPU for an hour.
        preset: settings to start from, `lineage` or `harmonised`. What it sets is fixed, unless `fixed` or `space` says
            otherwise.
        fixed: settings that are the same in all trials, such as `epochs` or `latent`, or a method's hyperparameter.
        per_data: what is fixed otherwise on a data set, `{caltech101: {clusters: 101}}`. An arm's settings go first.
        space: ranges to search beside the methods' own or in their place: `{low, high, log}` or a list of choices. A
            grid takes the ends and the middle of a range.
        metrics: of `python -m pipelines.evaluate`, or groups of them: measured of replicates beside the usual ones.
        figures: of `python -m pipelines.figures`, or `all`: drawn of each branch's first replicate and kept in MLflow.
        optimization: searches with every trial's decoder, whose outcome may be the metric: `lso/expression/best`.
        report_every: epochs between two reports of a trial; default a twentieth of its epochs.
        system_metrics: report each trial's memory and CPU too, as `system/…`.
        seed: of the search.
        scale: share of the epochs, seeds and training rows, for a machine without a GPU.
        paper: the tables of a paper that the study reproduces.
    """

    model_config = STRICT

    description: str = ""
    data: str | list[str]
    methods: Literal["all"] | list[str | Arm]
    trials: int = Field(default=8, ge=1)
    seeds: int = Field(default=3, ge=1)
    metric: str | list[str] = "valid/elbo"
    mode: Mode | list[Mode] = "max"
    front: int = Field(default=5, ge=1)
    search: Literal["tpe", "gp", "nsga2", "random", "grid", "pbt"] = "tpe"
    generations: int | None = Field(default=None, ge=2)
    early_stopping: EarlyStopping | None = EarlyStopping()
    resources: Resources = Resources()
    budget: Budget = Budget()
    prices: Prices = Prices()
    preset: str | None = None
    fixed: dict[str, Any] = {}
    per_data: dict[str, dict[str, Any]] = {}
    space: dict[str, dict[str, Any] | list[Any]] = {}
    metrics: list[str] = []
    figures: Literal["all"] | list[str] = ["reconstructions", "prior_samples", "training_curves"]
    optimization: Optimization | None = None
    report_every: int | None = Field(default=None, ge=1)
    system_metrics: bool = False
    seed: int = Field(default=0, ge=0)
    scale: float = Field(default=1.0, gt=0, le=1)
    paper: Paper | None = None

    @model_validator(mode="before")
    @classmethod
    def _population(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("search") != "pbt":
            return given
        usual = {} if given.get("generations") is not None else {"generations": generations.USUAL}
        return {"early_stopping": None} | given | usual

    @property
    def definition(self) -> str:
        """Hash of all that decides which trials run. A key that is later added to studies does not change it."""
        text = json.dumps(self.model_dump(exclude=ASIDE, exclude_defaults=True), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def objectives(self) -> Objectives:
        """The metrics that choose among configurations."""
        metrics = [self.metric] if isinstance(self.metric, str) else self.metric
        modes = [self.mode] if isinstance(self.mode, str) else self.mode
        return tuple(Objective(*pair) for pair in zip(metrics, modes, strict=True))

    def hourly(self, gpu: float) -> float:
        """What an hour of a trial costs that has so much of a GPU."""
        return self.prices.cpu * self.resources.cpu + self.prices.gpu * gpu

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

    def searched(self, branch: str) -> int:
        """Trials of the search, of a population one for each member and generation: a single configuration needs none
        and is replicated at once."""
        tried = self.configurations(branch)
        return tried * (self.generations or 1) if tried > 1 else 0

    def ends(self, branch: str) -> list[int]:
        """The epochs after which the generations of a population end; without one, the last epoch alone."""
        return generations.ends(self.trial(branch, {}, seed=0).epochs, self.generations or 1)

    def chosen(self, tried: int) -> int:
        """The most configurations that are replicated, of so many that were tried."""
        return 1 if len(self.objectives) == 1 else min(self.front, tried)

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
        known = set(searchable(branch.arm.method)) | NETWORK
        common = self.fixed | self.per_data.get(branch.data, {})
        return {name: value for name, value in common.items() if name in known} | branch.arm.settings


ASIDE = {"description", "resources", "budget", "prices", "system_metrics", "metrics", "figures", "paper"}
"""Keys that may change when a study is continued: they do not decide which trials run."""

NETWORK = {"network", "likelihood", "pixels"}
"""Settings of every trial that cannot be searched."""

_SHARED = set(ranges.declared(Trial))
"""Settings of every trial, searched only where a study's `space` names them."""
