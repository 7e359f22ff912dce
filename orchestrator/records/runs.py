"""A study as MLflow recorded it."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mlflow import MlflowClient
from mlflow.entities import Run

from methods.core.errors import BadInput, unknown
from orchestrator.definition import scale
from orchestrator.definition.objectives import Objectives, parsed
from orchestrator.definition.study_files import names as shipped
from orchestrator.records import schema
from orchestrator.records.connection import answering, shown
from orchestrator.records.location import connect

_PAGE = 500


@dataclass(frozen=True)
class TrialRun:
    """One trial's run.

    Attributes:
        run_id: in MLflow.
        method: what was trained.
        arms: of the study that the trial belongs to.
        role: `search`, `member` or `replicate`.
        identity, configuration: hashes of the settings, with and without the seed.
        seed: None where the run does not say.
        outcome: in words, as in `schema.OUTCOME`; empty while it runs.
        status: MLflow's: `RUNNING`, `FINISHED`, `FAILED` or `KILLED`.
        params: all settings, as text.
        metrics: the last value of each.
        start, end: ms since 1970; `end` is None while it runs.
    """

    run_id: str
    method: str
    role: str
    identity: str
    configuration: str
    seed: int | None
    outcome: str
    status: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    start: int
    end: int | None
    arms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.arms:
            object.__setattr__(self, "arms", (self.method,))

    @property
    def finished(self) -> bool:
        return self.status == "FINISHED" and self.outcome == "finished"

    @property
    def stopped_early(self) -> bool:
        return self.outcome.startswith("stopped early")

    @property
    def failed(self) -> bool:
        return self.outcome.startswith("failed")

    @property
    def data(self) -> str:
        """The data set, without the share of its rows."""
        return self.params.get("data", "").partition("@")[0]

    @property
    def seconds(self) -> float:
        """From start to end; NaN while it runs."""
        return math.nan if self.end is None else (self.end - self.start) / 1000


@dataclass(frozen=True)
class StudyRuns:
    """A study's run and its trials.

    Attributes:
        name: of the study and of its experiment.
        metric: what chose configurations, such as `valid/knn_purity`; several with commas between.
        mode: `max` or `min`, for each metric.
        parent_run_id: of the study's run.
        experiment_id: in MLflow.
        start: of the study's run, ms since 1970.
        params: the study's definition, as text.
        tags: of the study's run.
        trials: in the order they started.
    """

    name: str
    metric: str
    mode: str
    parent_run_id: str
    experiment_id: str
    start: int
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    trials: tuple[TrialRun, ...] = ()

    @property
    def objectives(self) -> Objectives:
        """The metrics and their modes, one by one."""
        return parsed(self.metric, self.mode)

    @property
    def front(self) -> int:
        """Of several metrics, the most configurations of an arm that are replicated."""
        return int(self.params.get("front", 5))

    @property
    def arms(self) -> list[str]:
        return sorted({arm for trial in self.trials for arm in trial.arms})

    @property
    def data(self) -> list[str]:
        """Data sets, without shares, in the order of the first trials."""
        return list(dict.fromkeys(trial.data for trial in self.trials))

    @property
    def scale(self) -> float:
        """Share of the epochs, seeds and training rows."""
        return float(self.params.get("scale", 1))

    @property
    def planned(self) -> int | None:
        """Replicates planned for each arm; None where the study's run does not say."""
        seeds = self.params.get("seeds", "")
        return scale.seeds(int(seeds), self.scale) if seeds.isdigit() else None

    def on(self, data: str) -> StudyRuns:
        """The trials on one data set."""
        return dataclasses.replace(self, trials=tuple(trial for trial in self.trials if trial.data == data))

    def search(self, arm: str) -> list[TrialRun]:
        """The configurations tried for `arm`."""
        return [trial for trial in self.trials if arm in trial.arms and trial.role == schema.SEARCH]

    def replicates(self, arm: str) -> list[TrialRun]:
        """Finished replicates of the one configuration that has most of them, the last one begun where several do."""
        groups: dict[str, list[TrialRun]] = defaultdict(list)
        for trial in self._replicates(arm):
            groups[trial.configuration].append(trial)
        return max(groups.values(), key=lambda group: (len(group), group[-1].start), default=[])

    def replicates_of(self, arm: str, configuration: str) -> list[TrialRun]:
        """Finished replicates of a configuration."""
        return [trial for trial in self._replicates(arm) if trial.configuration == configuration]

    def _replicates(self, arm: str) -> Iterator[TrialRun]:
        mine = (trial for trial in self.trials if arm in trial.arms and trial.finished)
        return (trial for trial in mine if trial.role == schema.REPLICATE)

    def best_search(self, arm: str) -> TrialRun | None:
        """The finished configuration of `arm` with the best value of the study's metric."""
        sign = 1 if self.mode == "max" else -1
        finished = [trial for trial in self.search(arm) if trial.finished]
        able = [trial for trial in finished if math.isfinite(trial.metrics.get(self.metric, math.nan))]
        return max(able, key=lambda trial: sign * trial.metrics[self.metric], default=None)


def read(study: str, uri: str) -> StudyRuns:
    """The latest run of `study` in the MLflow store at `uri`, with all its trials.

    Raises:
        BadInput: the store does not answer, has no such study, or an experiment of that name holds none.
    """
    client = connect(uri, create=False)
    with answering(uri):
        experiment = client.get_experiment_by_name(study)
        if experiment is None or experiment.lifecycle_stage != "active":
            raise _no_study(client, study, uri)
        found = experiment.experiment_id
        is_study = f"tags.`{schema.KIND}` = 'study'"
        parents = client.search_runs([found], is_study, order_by=["attributes.start_time DESC"], max_results=1)
        if not parents:
            raise BadInput(
                f"the MLflow experiment {study!r} holds no study: no run in it has the tag {schema.KIND}=study"
            )
        return _study(study, parents[0], _children(client, parents[0]))


def history(client: MlflowClient, run_id: str, metric: str) -> dict[int, float]:
    """A metric of a run by step; where a resumed run logged a step twice, the later value."""
    logged = sorted(client.get_metric_history(run_id, metric), key=lambda entry: (entry.step, entry.timestamp))
    return {entry.step: _value(entry.value) for entry in logged}


def _study(name: str, parent: Run, trials: list[TrialRun]) -> StudyRuns:
    tags = parent.data.tags
    return StudyRuns(
        name=name,
        metric=tags.get(schema.METRIC, ""),
        mode=tags.get(schema.MODE, "max"),
        parent_run_id=parent.info.run_id,
        experiment_id=parent.info.experiment_id,
        start=parent.info.start_time,
        params={**parent.data.params, **json.loads(tags.get(schema.EXTENDED, "{}"))},
        tags=tags,
        trials=tuple(_one_each(trials)),
    )


def _children(client: MlflowClient, parent: Run) -> list[TrialRun]:
    wanted = f"tags.`{schema.KIND}` = 'trial' AND tags.`{schema.PARENT}` = '{parent.info.run_id}'"
    found: list[TrialRun] = []
    token = None
    while True:
        page = client.search_runs([parent.info.experiment_id], wanted, max_results=_PAGE, page_token=token)
        found += map(_trial, page)
        token = page.token
        if not token:
            return sorted(found, key=lambda trial: trial.start)


def _trial(run: Run) -> TrialRun:
    tags, params = run.data.tags, run.data.params
    seed = params.get("seed", "")
    return TrialRun(
        run_id=run.info.run_id,
        method=params.get("method", "?"),
        role=tags.get(schema.ROLE, schema.SEARCH),
        identity=tags.get(schema.IDENTITY, run.info.run_id),
        configuration=tags.get(schema.CONFIGURATION, run.info.run_id),
        seed=int(seed) if seed.isdigit() else None,
        outcome=tags.get(schema.OUTCOME, ""),
        status=run.info.status,
        params=params,
        metrics={name: _value(value) for name, value in run.data.metrics.items()},
        start=run.info.start_time,
        end=run.info.end_time,
        arms=tuple(json.loads(tags.get(schema.ARMS, "[]"))),
    )


def _one_each(trials: list[TrialRun]) -> list[TrialRun]:
    # A trial counted twice would look like a replicate that agrees perfectly.
    kept: dict[str, TrialRun] = {}
    for trial in trials:
        if trial.identity not in kept or trial.finished or not kept[trial.identity].finished:
            kept[trial.identity] = trial
    return list(kept.values())


def _value(stored: float) -> float:
    # MLflow's databases hold infinity as the largest number.
    return math.copysign(math.inf, stored) if abs(stored) >= sys.float_info.max else stored


def _no_study(client: MlflowClient, study: str, uri: str) -> BadInput:
    names: list[str] = []
    token = None
    while True:
        page = client.search_experiments(page_token=token)
        names += [experiment.name for experiment in page if experiment.name != "Default"]
        token = page.token
        if not token:
            break
    if study in shipped():
        return BadInput(
            f"the study {study!r} has no runs in MLflow at {shown(uri)}: python -m orchestrator.sweep {study} runs it"
        )
    if not names:
        return BadInput(f"MLflow at {shown(uri)} holds no study: run python -m orchestrator.sweep first")
    return unknown("study", study, names)
