"""Bring MLflow in line with a study's records, after a crash or a restore: the records are right.

python -m orchestrator.reconcile demo

What is in line stays as it is, so a second run mends nothing.
"""

from __future__ import annotations

import argparse
import contextlib
from collections import defaultdict
from collections.abc import Iterator

from filelock import FileLock, Timeout
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from methods.core.errors import BadInput
from orchestrator.definition.study import Study
from orchestrator.records import ledger, location, schema
from orchestrator.records.connection import answering, reason
from orchestrator.records.ledger import Ledger, Record
from orchestrator.records.tracking import STATUSES, StudyTracking, pages
from orchestrator.running import places
from orchestrator.running.standing import best_replicate
from orchestrator.search.study_search import StudySearch
from pipelines import console

_MIRROR_SECONDS = 90.0  # the mirror of a sweep that was killed has a minute for what is left


class Reconciliation:
    """One comparison of a study's records with its runs. No sweep may be running.

    Args:
        client: of the MLflow to mend.
        records: of the study, bound to a definition.
        study: that definition.
    """

    def __init__(self, client: MlflowClient, records: Ledger, study: Study) -> None:
        self._client, self._records, self._study = client, records, study
        self.mended: list[str] = []
        self.left: list[str] = []

    def run(self) -> None:
        """Mend what is wrong; `mended` says what that was, `left` what could not be mended."""
        self._one_parent()
        tracking = StudyTracking(
            self._client, self._records.folder.name, self._study, self._records.session, self._records, revive=False
        )
        self._one_run_each(tracking)
        runs = {run.data.tags[schema.IDENTITY]: run for run in self._trials(tracking)}
        records = list(self._records.records())
        for record in records:
            self._trial(tracking, record, runs.pop(record.identity, None))
        for run in runs.values():
            self._close(run)
        self._parent(tracking, records)

    def _one_parent(self) -> None:
        """A study's run was created twice where the answer to the first attempt was lost."""
        experiment = self._client.get_experiment_by_name(self._records.folder.name)
        if experiment is None:
            self.mended.append("the study's experiment was missing: written anew")
            return
        query = f"tags.`{schema.SESSION}` = '{self._records.session}'"
        first, *others = sorted(pages(self._client, experiment, query), key=_age) or [None]
        if first is None:
            self.mended.append("the study's run was missing: written anew")
        for other in others:
            for child in pages(self._client, experiment, f"tags.`{schema.PARENT}` = '{other.info.run_id}'"):
                self._client.set_tag(child.info.run_id, schema.PARENT, first.info.run_id)
            self._client.delete_run(other.info.run_id)
            self.mended.append(f"the study had a second run {other.info.run_id}: deleted, its trials moved")

    def _one_run_each(self, tracking: StudyTracking) -> None:
        groups: dict[str, list[Run]] = defaultdict(list)
        for run in self._trials(tracking):
            groups[run.data.tags[schema.IDENTITY]].append(run)
        for identity, runs in groups.items():
            best, *others = sorted(runs, key=_completeness, reverse=True)
            for other in others:
                self._client.delete_run(other.info.run_id)
                self.mended.append(f"trial {identity} had a second run {other.info.run_id}: deleted")
            if others:
                tracking.know(best)

    def _trial(self, tracking: StudyTracking, record: Record, run: Run | None) -> None:
        if record.status == ledger.FINISHED and self._records.trained(record.identity) is None:
            self.left.append(f"trial {record.identity} has no trained method in its folder any more")
        problems = ["had no run"] if run is None else list(self._problems(record, run))
        if not problems:
            return
        try:
            tracking.renew(record.identity)
        except (MlflowException, OSError) as error:
            self.left.append(f"trial {record.identity} {' and '.join(problems)}: {reason(error)}")
        else:
            self.mended.append(f"trial {record.identity} {' and '.join(problems)}: written again")

    def _problems(self, record: Record, run: Run) -> Iterator[str]:
        """How a run differs from its record."""
        outcome, status = run.data.tags.get(schema.OUTCOME, ""), run.info.status
        expected = (schema.INTERRUPTED, "KILLED")
        if record.status != ledger.RUNNING:
            expected = (record.outcome[:5000], STATUSES[record.status])
        if (outcome, status) != expected:
            yield f"was {status} ({outcome or 'no outcome'})"
        names = {name for entry in record.history for name in entry} - {"epoch", "time"}
        names |= {f"test/{name}" for name in record.test}
        if missing := names - set(run.data.metrics):
            yield f"lacked {len(missing)} of {len(names)} metrics"
        elif short := self._reports_missing(record, run):
            yield f"lacked {short} of {len(record.history)} reports"
        if set(record.settings) - set(run.data.params):
            yield "lacked settings"
        if self._records.trained(record.identity) and expected[1] == "FINISHED" and schema.MODEL not in run.data.tags:
            yield "lacked its model"

    def _reports_missing(self, record: Record, run: Run) -> int:
        """A report is written in one call: what one metric has, all have."""
        metric = self._study.objectives[0].metric
        expected = {entry["epoch"] for entry in record.history if metric in entry}
        if not expected:
            return 0
        return len(expected - {point.step for point in self._client.get_metric_history(run.info.run_id, metric)})

    def _close(self, run: Run) -> None:
        """A run without a record: its trial never wrote one, or the record was deleted."""
        if run.info.status == "RUNNING":
            self._client.set_tag(run.info.run_id, schema.OUTCOME, schema.INTERRUPTED)
            self._client.set_terminated(run.info.run_id, "KILLED")
            self.mended.append(f"run {run.info.run_id} was RUNNING and has no record: closed")

    def _parent(self, tracking: StudyTracking, records: list[Record]) -> None:
        run = self._client.get_run(tracking.parent)
        complete = StudySearch(self._study, records).done
        status = "FINISHED" if complete else "KILLED"
        best = best_replicate(self._study, records) if complete else None
        if run.info.status != status or (best and schema.BEST_RUN not in run.data.tags):
            self.mended.append(f"the study's run was {run.info.status}: now {status}")
            if complete:
                tracking.finish(best)
        if not complete:
            tracking.interrupt()

    def _trials(self, tracking: StudyTracking) -> list[Run]:
        query = f"tags.`{schema.PARENT}` = '{tracking.parent}' and tags.`{schema.KIND}` = 'trial'"
        return list(pages(self._client, tracking.experiment, query))


def reconcile(records: Ledger, uri: str) -> Reconciliation:
    """Mend the MLflow at `uri`.

    Raises:
        BadInput: no such records, a sweep is running the study, or MLflow does not answer.
    """
    study = records.study()
    if study is None:
        raise BadInput(f"no records of a study in {records.folder}: name the folder above it with --results")
    client = location.connect(uri)
    with records.claim(), _mirror_gone(records), answering(uri):
        work = Reconciliation(client, records, study)
        work.run()
    return work


@contextlib.contextmanager
def _mirror_gone(records: Ledger) -> Iterator[None]:
    try:
        with FileLock(records.folder / ".mirror.lock", timeout=_MIRROR_SECONDS):
            yield
    except Timeout as error:
        raise BadInput(
            f"the mirror of an earlier sweep is still writing {records.folder.name} to MLflow: wait for it"
        ) from error


def _age(run: Run) -> tuple[int, str]:
    return run.info.start_time, run.info.run_id


def _completeness(run: Run) -> tuple[bool, bool, int, str]:
    finished, model = run.info.status == "FINISHED", schema.MODEL in run.data.tags
    return finished, model, len(run.data.metrics), run.info.run_id


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    records = places.records_of(options.study, options.results)
    work = reconcile(records, location.tracking_uri(options.tracking_uri))
    for line in work.mended:
        console.OUT.print(line, markup=False, soft_wrap=True)
    for line in work.left:
        console.ERR.print(f"not mended: {line}", style="red", markup=False, soft_wrap=True)
    if not work.mended and not work.left:
        console.OUT.print("MLflow is in line with the records: nothing to mend")
    return int(bool(work.left))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m orchestrator.reconcile",
        description="Bring MLflow in line with the records of a study that no sweep is running: runs that still count "
        "as running, missing runs, metrics and models, duplicates. Deleted runs can be restored in MLflow.",
    )
    parser.add_argument("study", help="its name, or its YAML file")
    places.add_places(parser)
    return parser


if __name__ == "__main__":
    console.run(main)
