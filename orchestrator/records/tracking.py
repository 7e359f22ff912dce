"""A study in MLflow, written so that writing it twice changes nothing.

Every call brings MLflow in line with a record on disk. Runs are found by the trial's identity, points carry the time at
which they were measured, and what is there already stays as it is.
"""

from __future__ import annotations

import getpass
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mlflow.entities import Experiment, Metric, Param, Run, RunTag
from mlflow.tracking import MlflowClient

from methods.core.errors import BadInput
from orchestrator.definition import objectives
from orchestrator.definition.study import Study
from orchestrator.records import ledger, models, schema
from orchestrator.records.ledger import DRAWINGS, Ledger, Record
from orchestrator.records.location import artifacts, connect

STATUSES = {ledger.FINISHED: "FINISHED", ledger.FAILED: "FAILED", ledger.STOPPED: "KILLED"}
"""How MLflow calls it when a trial has ended."""

_LONGEST = 6000  # characters of a param, which MLflow limits; the history of a large population may be longer
_BATCH = 800  # points in a call, for which MLflow's limit is 1000 of all kinds together


class StudyTracking:
    """The runs of one study.

    Args:
        client: from `location.connect`.
        name: of the study.
        study: its definition.
        session: id of the results folder; a second start of the same folder writes to the same runs.
        folder: the records.
        revive: whether a run of the study that is there counts as running from now on.
    """

    def __init__(
        self, client: MlflowClient, name: str, study: Study, session: str, folder: Ledger, *, revive: bool = True
    ) -> None:
        self._client, self._name, self._ledger, self._objectives = client, name, folder, study.objectives
        self.experiment = _experiment(client, name)
        self.parent = self._find_parent(study, session, revive) or self._create_parent(study, session)
        self._runs: dict[str, str] = {}
        self._logged: dict[str, int] = {}
        self._attempted: set[str] = set()
        self._doubtful: set[str] = set()  # created twice, perhaps
        self._ended: set[str] = set()
        self._interrupted: set[str] = set()
        self._arms: dict[str, list[str]] = {}
        for run in sorted(self._trials(), key=_completeness):  # of two runs of a trial, the more complete one
            self.know(run)

    def sync(self, identity: str) -> None:
        """Bring the run of a trial in line with its record."""
        record = self._ledger.read(identity)
        if record is None:
            return
        self._name_arms(record)
        if identity in self._ended and record.status != ledger.RUNNING:
            return
        run = self._runs.get(identity) or self._create(record)
        if identity in self._interrupted | self._ended:
            self._revive(identity)
        new = record.history[self._logged.get(identity, 0) :]
        points = [point for entry in new for point in _points(entry)]
        if record.status != ledger.RUNNING:
            self._end(run, record, points)
            self._ended.add(identity)
        elif points or identity not in self._logged:
            self._log(run, points, None if identity in self._logged else record)
        self._logged[identity] = len(record.history)

    def renew(self, identity: str) -> None:
        """Write all of a trial's record again, also what seems to be there."""
        self._ended.discard(identity)
        self._logged.pop(identity, None)
        self.sync(identity)

    def interrupt(self) -> None:
        """Close the runs of the study and of trials that stopped in the middle; the next start takes them up again."""
        self._one_run_each()
        for record in self._ledger.records():
            run = self._runs.get(record.identity)
            if run and record.status == ledger.RUNNING and record.identity not in self._interrupted:
                self._client.set_tag(run, schema.OUTCOME, schema.INTERRUPTED)
                self._client.set_terminated(run, "KILLED")
                self._interrupted.add(record.identity)
        self._client.set_terminated(self.parent, "KILLED")

    def finish(self, best: Record | None) -> None:
        """Close the run of the study, now complete, and name the best replicate, registered as `<study>@best`."""
        self._one_run_each()
        if best is not None and (run := self._runs.get(best.identity)):
            model = self._client.get_run(run).data.tags.get(schema.MODEL)
            self._client.set_tag(self.parent, schema.BEST_RUN, run)
            for metric in (each.metric for each in self._objectives):
                value = best.value(metric)
                if value is not None and math.isfinite(value):
                    self._client.log_metric(self.parent, f"best/{metric}", value)
            if model:
                self._client.set_tag(self.parent, schema.BEST_MODEL, model)
                models.register(self._client, model, name=self._name)
        self._client.set_terminated(self.parent, "FINISHED")

    def know(self, run: Run) -> None:
        """Take up a run of an earlier start."""
        identity, outcome = run.data.tags[schema.IDENTITY], run.data.tags.get(schema.OUTCOME)
        self._runs[identity] = run.info.run_id
        self._arms[identity] = json.loads(run.data.tags.get(schema.ARMS, "[]"))
        if outcome == schema.INTERRUPTED:
            self._interrupted.add(identity)
        elif outcome is not None and run.info.status != "RUNNING":
            self._ended.add(identity)

    def _revive(self, identity: str) -> None:
        self._client.delete_tag(self._runs[identity], schema.OUTCOME)
        self._client.update_run(self._runs[identity], status="RUNNING")
        self._interrupted.discard(identity)
        self._ended.discard(identity)

    def _create(self, record: Record) -> str:
        settings = record.settings
        title = f"{record.arms[0]} {record.role} seed {settings['seed']} {record.identity[:6]}"
        tags = {
            schema.PARENT: self.parent,
            schema.KIND: "trial",
            schema.STUDY: self._name,
            schema.ROLE: record.role,
            schema.IDENTITY: record.identity,
            schema.CONFIGURATION: record.configuration,
            schema.ARMS: json.dumps(record.arms),
            schema.COMMIT: record.facts.get("git_commit", "").removesuffix("-dirty"),
            schema.SOURCE: "orchestrator.sweep",
            schema.USER: _user(),
        }
        run = self._attempt(record.identity) or self._client.create_run(
            self.experiment.experiment_id, record.started, tags, title
        )
        self._runs[record.identity] = run.info.run_id
        self._arms[record.identity] = list(record.arms)
        return run.info.run_id

    def _name_arms(self, record: Record) -> None:
        """Say on a run that is there which arms it belongs to, where one has joined since."""
        run = self._runs.get(record.identity)
        if run and self._arms.get(record.identity) != record.arms:
            self._client.set_tag(run, schema.ARMS, json.dumps(record.arms))
            self._arms[record.identity] = list(record.arms)

    def _attempt(self, identity: str) -> Run | None:
        """The run of an earlier attempt to create it, which may have succeeded though its answer was lost."""
        if identity not in self._attempted:
            self._attempted.add(identity)
            return None
        self._doubtful.add(identity)
        return next(self._trials(f" and tags.`{schema.IDENTITY}` = '{identity}'"), None)

    def _one_run_each(self, further: str = "") -> None:
        """Delete second runs of trials: a server may carry out a creation long after it was given up."""
        for run in self._trials(further):
            if self._runs.get(run.data.tags[schema.IDENTITY], run.info.run_id) != run.info.run_id:
                self._client.delete_run(run.info.run_id)

    def _trials(self, further: str = "") -> Iterator[Run]:
        children = pages(self._client, self.experiment, f"tags.`{schema.PARENT}` = '{self.parent}'{further}")
        return (run for run in children if run.data.tags.get(schema.KIND) == "trial")

    def _end(self, run: str, record: Record, points: list[Metric]) -> None:
        if record.identity in self._doubtful:
            self._one_run_each(f" and tags.`{schema.IDENTITY}` = '{record.identity}'")
        epoch = record.history[-1]["epoch"] if record.history else 0
        points += [Metric(f"test/{name}", value, record.ended, epoch) for name, value in record.test.items()]
        outcome = RunTag(schema.OUTCOME, record.outcome[:5000])
        folder = self._ledger.trained(record.identity)  # somebody may have deleted it
        if record.status == ledger.FINISHED and folder is not None:
            self._log(run, points, record)  # before its model, which repeats the settings
            name = f"{record.settings['method']}-{record.identity[:6]}"
            model = RunTag(schema.MODEL, models.log_model(self._client, run, folder, name=name))
            if (folder.parent / DRAWINGS).is_dir():
                self._client.log_artifacts(run, str(folder.parent / DRAWINGS), DRAWINGS)
            self._client.log_batch(run, tags=[outcome, model])
        else:
            self._log(run, points, record, [outcome])
        self._client.set_terminated(run, STATUSES[record.status], record.ended)

    def _log(self, run: str, points: list[Metric], record: Record | None, tags: Sequence[RunTag] = ()) -> None:
        """Write points, and with them in one call what the trial is and where it runs, and further tags."""
        params, facts = _description(record) if record else ([], [])
        self._client.log_batch(run, metrics=points[:_BATCH], params=params, tags=[*facts, *tags])
        for start in range(_BATCH, len(points), _BATCH):
            self._client.log_batch(run, metrics=points[start : start + _BATCH])

    def _find_parent(self, study: Study, session: str, revive: bool) -> str | None:
        found = list(pages(self._client, self.experiment, f"tags.`{schema.SESSION}` = '{session}'"))
        if not found:
            return None
        # One without params is what an attempt left that was given up.
        run = min(found, key=lambda run: (not run.data.params, run.info.start_time, run.info.run_id))
        if revive:
            self._client.update_run(run.info.run_id, status="RUNNING")
        if run.data.tags.get(schema.DEFINITION) != study.definition:
            self._extend(run, study)
        elif revive:  # what may change while the trials stay, such as the paper's table
            self._client.log_dict(run.info.run_id, study.model_dump(mode="json"), "study.yaml")
        return run.info.run_id

    def _extend(self, run: Run, study: Study) -> None:
        """Write down what was added to the study since. A run's params stay what they were first, for ever."""
        new = {param.key: param.value for param in _params(study) if run.data.params.get(param.key) != param.value}
        self._client.log_dict(run.info.run_id, study.model_dump(mode="json"), "study.yaml")
        tags = {schema.EXTENDED: json.dumps(new), schema.DEFINITION: study.definition}
        self._client.log_batch(run.info.run_id, tags=[RunTag(*pair) for pair in tags.items()])

    def _create_parent(self, study: Study, session: str) -> str:
        metrics, modes = objectives.written(study.objectives)
        tags = {
            schema.KIND: "study",
            schema.STUDY: self._name,
            schema.SESSION: session,
            schema.DEFINITION: study.definition,
            schema.METRIC: metrics,
            schema.MODE: modes,
            schema.NOTE: study.description,
            schema.SOURCE: "orchestrator.sweep",
            schema.USER: _user(),
        }
        run = self._client.create_run(self.experiment.experiment_id, tags=tags, run_name=self._name).info.run_id
        self._client.log_batch(run, params=_params(study))
        self._client.log_dict(run, study.model_dump(mode="json"), "study.yaml")
        return run


def open_tracking(folder: Path, uri: str) -> StudyTracking:
    """The tracking of the study whose records are in `folder`, as an earlier start bound them to a definition.

    Raises:
        BadInput: MLflow does not answer.
    """
    kept = json.loads((folder / "study.json").read_text())
    study = Study.model_validate(kept["study"])
    return StudyTracking(connect(uri), folder.name, study, kept["session"], Ledger(folder))


def _completeness(run: Run) -> tuple[bool, bool, int, str]:
    finished, model = run.info.status == "FINISHED", schema.MODEL in run.data.tags
    return finished, model, len(run.data.metrics), run.info.run_id


def _description(record: Record) -> tuple[list[Param], list[RunTag]]:
    """The settings of a trial, and the facts, which change when it moves to another process."""
    params = [Param(name, str(value)[:_LONGEST]) for name, value in record.settings.items()]
    return params, [RunTag(f"lo.{name}", value) for name, value in record.facts.items()]


def _params(study: Study) -> list[Param]:
    definition = study.model_dump(mode="json", exclude={"description", "paper"})  # texts, and too long for a param
    return [Param(name, str(value)) for name, value in definition.items()]


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # containers run under ids that have no name
        return "unknown"


def _experiment(client: MlflowClient, name: str) -> Experiment:
    found = client.get_experiment_by_name(name)
    if found is None:
        found = client.get_experiment(
            client.create_experiment(name, artifact_location=artifacts(client.tracking_uri, name))
        )
    if found.lifecycle_stage != "active":
        raise BadInput(f"the MLflow experiment {name!r} was deleted: restore it, or use another name with --name")
    return found


def pages(client: MlflowClient, experiment: Experiment, query: str) -> Iterator[Any]:
    """All runs of an experiment that a query finds."""
    token = None
    while True:
        page = client.search_runs([experiment.experiment_id], query, max_results=1000, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _points(entry: dict[str, Any]) -> Iterator[Metric]:
    for name, value in entry.items():
        if name not in ("epoch", "time"):
            yield Metric(name, value, entry["time"], entry["epoch"])
