"""How far a study is, seen from anywhere: from its records where they can be reached, else from MLflow alone.

python -m orchestrator.status demo --follow
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import mlflow.artifacts
import yaml
from pydantic import ValidationError
from rich.console import Group
from rich.live import Live
from rich.text import Text

from methods.core.errors import BadInput
from orchestrator.definition.study import Study
from orchestrator.records import ledger, location, runs
from orchestrator.records.connection import answering, shown
from orchestrator.records.ledger import Ledger, Record
from orchestrator.records.runs import StudyRuns, TrialRun
from orchestrator.running import places
from orchestrator.running.standing import Standing, clock, configurations, last, pace, standing, trial_seconds
from pipelines import console

_SECONDS = {True: 2.0, False: 30.0}  # between two looks, in a terminal and elsewhere


@dataclass(frozen=True)
class View:
    """What was seen of a study at one moment.

    Attributes:
        name: of the study.
        study: its definition.
        records: its trials; from MLflow, with the last value of each metric alone.
        source: where that was read.
    """

    name: str
    study: Study
    records: list[Record]
    source: str

    def sentence(self, now: Standing, clock_ms: int) -> str:
        """All of it in one line.

        Args:
            now: of these records.
            clock_ms: the time, ms since 1970.
        """
        rate, spent = pace(self.records), clock(trial_seconds(self.records, clock_ms))
        parts = [f"{now.ended} of {now.planned} trials", f"{spent} of trial time"]
        if now.complete:
            return f"study {self.name}: {', '.join(parts)}, complete"
        parts.append(f"{now.running} running")
        if rate:
            parts += [f"{60 * rate:.3g} trials a minute", f"about {clock((now.planned - now.ended) / rate)} left"]
        if self.records:
            parts.append(f"last news {clock(max(0, clock_ms - max(map(last, self.records))) / 1000)} ago")
        return f"study {self.name}: {', '.join(parts)}"


def from_records(records: Ledger) -> View | None:
    """The study whose records are in a folder; None where there are none.

    Raises:
        BadInput: the folder's definition is damaged, or of another version.
    """
    study = records.study()
    if study is None:
        return None
    return View(records.folder.name, study, list(records.records()), f"records in {records.folder}")


def from_mlflow(name: str, uri: str) -> View:
    """The study as MLflow has it.

    Raises:
        BadInput: MLflow does not answer, or has no such study.
    """
    found = runs.read(name, uri)
    return View(name, _definition(found, uri), [_record(trial) for trial in found.trials], f"MLflow at {shown(uri)}")


def _definition(found: StudyRuns, uri: str) -> Study:
    try:
        with answering(uri):
            path = mlflow.artifacts.download_artifacts(
                run_id=found.parent_run_id, artifact_path="study.yaml", tracking_uri=uri
            )
        with open(path) as file:
            return Study.model_validate(yaml.safe_load(file))
    except (ValidationError, yaml.YAMLError) as error:
        raise BadInput(
            f"the definition of {found.name} in MLflow is of another version of this project: use that version"
        ) from error


def _record(trial: TrialRun) -> Record:
    """A trial's record as far as MLflow has it."""
    status = ledger.RUNNING
    if trial.finished:
        status = ledger.FINISHED
    elif trial.stopped_early:
        status = ledger.STOPPED
    elif trial.failed:
        status = ledger.FAILED
    return Record(
        trial.identity,
        trial.configuration,
        {**trial.params, "method": trial.method},
        trial.role,
        trial.start,
        status,
        arms=list(trial.arms),
        history=[{"epoch": 0, "time": trial.end or trial.start, **trial.metrics}],
        ended=0 if status == ledger.RUNNING else trial.end or 0,
    )


def show(look: Callable[[], View], *, follow: bool) -> int:
    """Print what `look` sees; with `follow`, again and again until the study is complete.

    Returns:
        0 where the study is complete, else 3.
    """
    searched: dict[str, int] = {}
    live = Live(console=console.OUT, auto_refresh=False) if follow and console.OUT.is_terminal else None
    if live:
        live.start()
    try:
        while True:
            view = look()
            searched = searched or configurations(view.study)
            now = standing(view.study, searched, view.records)
            _print(view, now, live)
            if now.complete or not follow:
                return 0 if now.complete else 3
            time.sleep(_SECONDS[live is not None])
    finally:
        if live:
            live.stop()


def _print(view: View, now: Standing, live: Live | None) -> None:
    sentence = view.sentence(now, time.time_ns() // 1_000_000)
    if live:
        live.update(Group(now.table(sentence), Text(view.source)), refresh=True)
    elif console.OUT.is_terminal:
        console.OUT.print(now.table(sentence))
        console.OUT.print(view.source, markup=False, soft_wrap=True)
    else:
        for line in (sentence, *now.lines(), view.source):
            console.OUT.print(line, markup=False, soft_wrap=True)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    records = places.records_of(options.study, options.results)
    uri = location.tracking_uri(options.tracking_uri)
    return show(lambda: from_records(records) or from_mlflow(records.folder.name, uri), follow=options.follow)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m orchestrator.status",
        description="How far a study is: from its records where they can be reached, else from MLflow alone. The exit "
        "code is 0 where it is complete, 3 where it is not, 2 where it cannot be found.",
    )
    parser.add_argument("study", help="its name, or its YAML file")
    parser.add_argument("--follow", action="store_true", help="go on until the study is complete (Ctrl-C leaves)")
    places.add_places(parser)
    return parser


if __name__ == "__main__":
    console.run(main)
