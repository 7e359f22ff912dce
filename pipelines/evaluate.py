"""Measure a saved run by any metric.

python -m pipelines.evaluate results/train/vae-mnist-… --metrics log_likelihood,mutual_information
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.progress import Progress

from methods.core.errors import BadInput
from pipelines import artifact, console
from pipelines.metrics.metric import METRICS
from pipelines.metrics.registry import GROUPS, groups_of, measure
from pipelines.metrics.results import Entry, Results
from pipelines.metrics.subject import NotMeasurable, Settings, Subject, untracked
from pipelines.train import device

_REMOTE = ("runs:/", "models:/", "best:")
_FACTS = "training.json"


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    if options.list:
        show_metrics()
        return 0
    if options.run is None:
        raise BadInput("name the folder of a saved run, or list what can be measured with --list")
    if options.run.startswith(_REMOTE):
        raise BadInput(f"{options.run} is in MLflow: use python -m orchestrator.evaluate {options.run}")
    names = names_of(options.metrics)
    with console.progress() as bar:
        results = evaluate_saved(folder_of(options.run), names, settings_of(options), fresh=options.fresh, bar=bar)
    return report(results, names)


def evaluate_saved(
    folder: Path,
    names: Iterable[str],
    settings: Settings,
    *,
    fresh: bool = False,
    bar: Progress | None = None,
    facts: Mapping[str, float] | None = None,
) -> Results:
    """Measure what is named of the method in `folder`, and keep it there after every group.

    What was measured before, of the same weights and data and with the same settings, is not measured again.

    Args:
        folder: what `pipelines.artifact.save` wrote.
        names: metrics, groups of metrics, or `all`. The weights of Inception are downloaded only if named.
        settings: how thoroughly.
        fresh: measure all anew.
        bar: shows progress.
        facts: what was measured in training; default: what `training.json` in the folder says.

    Raises:
        BadInput: an unknown metric, no saved method, data other than it was trained on, or a folder not to be written.
    """
    names = list(names)
    groups, explicit = groups_of(names), groups_of(name for name in names if name != "all")
    saved = artifact.load(folder)
    results = Results(folder, saved.checksum, fresh=fresh)
    todo = [group for group in groups if not results.has(group, _relevant(group, settings))]
    if not todo:
        return results
    where = device()
    subject = Subject(
        saved.method.to(where),
        saved.dataset().data.to(where),
        settings,
        checksum=saved.checksum,
        facts=_facts(folder) if facts is None else facts,
        download="frechet_inception" in explicit,
        track=untracked if bar is None else _tracker(bar),
    )
    for group in todo if bar is None else bar.track(todo, description="groups of metrics"):
        results.add(group, _entry(subject, group))
    return results


def _entry(subject: Subject, group: str) -> Entry:
    start, settings = time.perf_counter(), _relevant(group, subject.settings)
    try:
        found = measure(subject, group)
    except NotMeasurable as reason:
        missing = {name: str(reason) for name, metric in METRICS.items() if metric.group == group}
        return Entry(settings, time.perf_counter() - start, missing=missing)
    return Entry(settings, time.perf_counter() - start, found.values, found.record, found.missing)


def _relevant(group: str, settings: Settings) -> dict[str, Any]:
    """The settings that the numbers of a group depend on."""
    return {name: getattr(settings, name) for name in ("seed", "split", *GROUPS[group].settings)}


def _facts(folder: Path) -> dict[str, float]:
    try:
        found = json.loads((folder / _FACTS).read_text())
        return {name: float(value) for name, value in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _tracker(bar: Progress) -> Callable[[Any, str], Iterable[Any]]:
    return lambda steps, title: bar.track(steps, description=title)


def folder_of(path: str) -> Path:
    """The folder of the method: the one named, or `method` in it, as in the folder of a study's trial."""
    folder = Path(path).expanduser()
    inner = folder / "method"
    return inner if (inner / "trial.json").is_file() and not (folder / "trial.json").is_file() else folder


def names_of(text: str) -> list[str]:
    """Names from a comma-separated list, checked before any work is done.

    Raises:
        BadInput: a name is unknown, or there is none.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise BadInput("--metrics names nothing: give metrics, groups of metrics, or all")
    groups_of(names)
    return names


def settings_of(options: argparse.Namespace) -> Settings:
    """Settings from the command line."""
    return Settings(**{entry.name: getattr(options, entry.name) for entry in dataclasses.fields(Settings)})


def report(results: Results, names: Iterable[str]) -> int:
    """Print what was asked for. Returns 2 if a metric or group that was named, and not by `all`, has no value."""
    names = list(names)
    groups = groups_of(names)
    settings = results.entries[groups[0]].settings
    console.OUT.print(f"on the {settings['split']} split, seed {settings['seed']}")
    for group in groups:
        _show(group, results.entries[group])
    console.OUT.print(f"kept in {results.path}", soft_wrap=True, markup=False)
    found = results.values
    named = [name for name in names if name != "all"]
    failed = [n for n in named if n not in found and not (n in GROUPS and results.entries[n].values)]
    if failed:
        console.ERR.print(f"not measured: {', '.join(failed)}", style="red", soft_wrap=True, markup=False)
    return 2 if failed else 0


def _show(group: str, entry: Entry) -> None:
    plain = {name: value for name, value in entry.record.items() if isinstance(value, int | float | str)}
    facts = entry.settings | plain
    words = [_words(name, value) for name, value in facts.items() if name not in ("seed", "split")]
    words.append(f"{entry.seconds:.1f} s")
    console.OUT.print(f"{group}  ({', '.join(words)})", soft_wrap=True, markup=False)
    for name, value in entry.values.items():
        console.OUT.print(f"  {name:<36} {value:>12.4f} {METRICS[name].unit}".rstrip(), soft_wrap=True, markup=False)
    for reason in dict.fromkeys(entry.missing.values()):
        absent = ", ".join(name for name, why in entry.missing.items() if why == reason)
        console.OUT.print(f"  not measured: {absent}: {reason}", soft_wrap=True, markup=False, style="dim")


def _words(name: str, value: float | str) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return f"{name.replace('_', ' ')} {text}"


def show_metrics() -> None:
    """Print every metric with its group and what it is."""
    for group in GROUPS:
        console.OUT.print(group, style="bold")
        for name, metric in METRICS.items():
            if metric.group == group:
                better = {True: "higher is better", False: "lower is better", None: "neither is better"}
                unit = f"{metric.unit}; " if metric.unit else ""
                text = f"  {name:<36} {metric.description} ({unit}{better[metric.higher_is_better]})"
                console.OUT.print(text, soft_wrap=True, markup=False)


def parser() -> argparse.ArgumentParser:
    """The command line, which `orchestrator.evaluate` has as well."""
    found = argparse.ArgumentParser(prog="python -m pipelines.evaluate", description=__doc__.splitlines()[0])
    found.add_argument("run", nargs="?", help="folder of a saved run")
    found.add_argument(
        "--metrics", default="all", metavar="NAMES", help="comma-separated metrics or groups, or all (default); --list"
    )
    found.add_argument("--fresh", action="store_true", help="measure again what was measured before")
    found.add_argument("--list", action="store_true", help="print what can be measured, and stop")
    settings = Settings()
    found.add_argument("--split", default=settings.split, choices=("train", "valid", "test"))
    for name, text in (
        ("seed", "of everything random in measuring"),
        ("samples", "importance samples a row for log_likelihood; the literature takes 5000"),
        ("rows", "rows for log_likelihood and strings; the literature takes all"),
        ("batch", "rows in a batch of He's mutual information"),
        ("images", "at most so many real and generated images"),
        ("attempts", "random decodings of a code in validity_attempts; the literature takes 25 or 500"),
    ):
        default = getattr(settings, name)
        found.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"{text} (default: {default})")
    return found


if __name__ == "__main__":
    console.run(main)
