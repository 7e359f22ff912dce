"""Latent-space optimization with the decoder of a trained method.

python -m lso.run expression
python -m lso.run toy --decoder best:my_study
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from lso import command, optimizers
from lso.plan import Plan
from lso.search import KNOWLEDGE
from lso.space import LatentSpace
from lso.tasks import toy, toy_report, toy_summary
from lso.tasks.expression import SCORES, TARGET
from lso.tasks.molecule import RANDOM_START
from lso.tasks.molecule_pool import DATA
from lso.workers import Starter
from methods.core.errors import BadInput
from orchestrator.records import location, models
from pipelines import artifact, console, datasets
from pipelines.artifact import Saved
from pipelines.datasets.dataset import Dataset
from pipelines.sequences import starts
from pipelines.train import device

_SMALL = 2e8  # multiplications in a forward pass below which threads cost more than they bring

_DECODERS = """
a decoder is named by
  runs:/ID              the run of a trial
  models:/NAME/VERSION  a registered method, also models:/NAME@best
  models:/MODEL_ID      a logged model
  best:STUDY            the best method of a finished study
  PATH                  a folder that pipelines.train wrote

examples
  python -m lso.run toy --decoder best:my_study
  python -m lso.run toy --decoder results/train/vae-digits-0123456789abcdef --inits encoder,random,random
"""


_SEARCH = f"""{_DECODERS.split("examples")[0].rstrip()}
without --decoder, one is trained for every seed on what the start shows, and kept

seeds run at once on the cores of this machine, or on a Ray cluster (--address): a given decoder travels with them,
others are trained where the seed runs; data sets and the module of a task of your own have to be on every node

results are of three kinds that do not compare: black_box (nothing but strings and scores), canonicalised (strings that
mean the same are not scored twice), descriptor (the surrogate sees features of what a string means)
"""


def main(arguments: list[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0].split("=")[0] == "--task":
        given = ["custom", *given]
    options = _parser().parse_args(given)
    return options.run(options)


def _search(options: argparse.Namespace) -> int:
    uri = location.tracking_uri(options.tracking_uri)
    source = models.fetch(options.decoder, tracking_uri=uri) if options.decoder else None
    plan = Plan(
        task=options.task,
        settings=options.settings(options),
        decoder=str(source.folder) if source else None,
        reference=options.decoder,
        optimizers=tuple(dict.fromkeys([options.optimizer, *filter(None, options.compare.split(","))])),
        seeds=options.seeds,
        budget=options.budget,
        batch=options.batch,
        start=options.start,
        knowledge=options.knowledge,
    )
    facts = {"reference": options.decoder, "run": source.run_id if source else None}
    folder = Path(options.out or plan.folder)
    result = command.execute(plan, folder, resume=options.resume, decoder=facts, start=_starter(options.address))
    if result.metrics:
        trained = Path(result.decoders[0]) if result.decoders else result.folder
        _record_search(source or models.Source(trained, None, None, uri), result)
    return 130 if result.outcome == "interrupted" else 0


def _starter(given: str | None) -> Starter | None:
    """Ray's workers where a cluster is named; else those of this machine, without the seconds that Ray takes."""
    address = given or os.environ.get("RAY_ADDRESS")
    if not address:
        return None
    from orchestrator.running import seeds  # Ray takes seconds to import

    return seeds.on_ray(address)


def _record_search(source: models.Source, result: command.Result) -> None:
    plan = result.plan
    settings = {name: value for name, value in plan.record().items() if name not in ("decoder", "settings", "task")}
    params = settings | {f"task.{name}": value for name, value in plan.settings.items()}
    params |= {"outcome": result.outcome, "seconds": result.seconds}
    run = models.log_lso(
        source, task=plan.task, params=params, metrics=result.metrics, history=result.history, folder=result.folder
    )
    console.OUT.print(f"recorded as run {run} in {source.tracking_uri}", soft_wrap=True)


def _toy(options: argparse.Namespace) -> int:
    settings = toy.Settings(options.images, options.iterations, options.seed, tuple(options.inits.split(",")))
    source = models.fetch(options.decoder, tracking_uri=location.tracking_uri(options.tracking_uri))
    saved = artifact.load(source.folder)
    folder = _folder(options.out or f"results/lso/toy-{source.run_id or saved.trial.identity}")
    start = time.monotonic()
    result = _optimize(saved, settings)
    outcome = "interrupted" if result.rests.interrupted else "finished"
    facts = _facts(options.decoder, source, saved) | {"outcome": outcome, "seconds": round(time.monotonic() - start, 1)}
    toy_report.write(result, folder, title=_title(saved, settings, outcome), facts=facts)
    for table in toy_report.tables(result):
        console.OUT.print(table)
    console.OUT.print(f"{outcome} after {facts['seconds']} s, results in {folder}", soft_wrap=True)
    _record(source, result, folder, facts)
    return 130 if result.rests.interrupted else 0


def _optimize(saved: Saved, settings: toy.Settings) -> toy.Result:
    test = _data(saved).data.test.to(device())
    space = LatentSpace(saved.method.to(device()))
    codes = settings.images * len(settings.inits)
    with _threads(space, codes), console.progress() as bar:
        task = bar.add_task("toy", total=settings.iterations)

        def observe(iteration: int, moving: int, loss: float) -> None:
            text = f"{moving} of {codes} codes move, squared error {loss:.4f}"
            bar.update(task, completed=iteration, description=text)

        return toy.run(space, test, settings, observe)


def _data(saved: Saved) -> Dataset:
    dataset = datasets.load(saved.trial.data)
    if dataset.checksum != saved.checksum:
        raise BadInput(
            f"the data set {saved.trial.data!r} is not the one that this decoder was trained on (checksum "
            f"{dataset.checksum}, expected {saved.checksum}): use the files and the version that it was trained with"
        )
    return dataset


def _folder(path: str) -> Path:
    """The folder for the results. It holds nothing else, since all of it is recorded."""
    folder = Path(path)
    if folder.exists() and (not folder.is_dir() or {file.name for file in folder.iterdir()} - set(toy_report.FILES)):
        raise BadInput(f"{folder} holds other files: choose another folder with --out")
    return folder


def _facts(reference: str, source: models.Source, saved: Saved) -> dict[str, Any]:
    return {
        "task": "toy",
        "decoder": {"reference": reference, "run": source.run_id, "model": source.model_id},
        "trial": saved.trial.settings(),
        "checksum": saved.checksum,
        "versions": artifact.versions(),
    }


def _title(saved: Saved, settings: toy.Settings, outcome: str) -> str:
    trial = saved.trial
    used = f"{settings.images} test images of {trial.data}, decoder of {trial.method} with {trial.latent} dimensions"
    return f"Toy latent-space optimization: {used}{' (interrupted)' if outcome == 'interrupted' else ''}"


def _record(source: models.Source, result: toy.Result, folder: Path, facts: dict[str, Any]) -> None:
    settings = asdict(result.settings) | {"inits": ",".join(result.settings.inits)}
    shown = {"decoder": facts["decoder"]["reference"], "outcome": facts["outcome"], "seconds": facts["seconds"]}
    run = models.log_lso(
        source,
        task="toy",
        params=settings | shown,
        metrics=toy_summary.metrics(result),
        history=toy_summary.curves(result),
        folder=folder,
    )
    console.OUT.print(f"recorded as run {run} in {source.tracking_uri}", soft_wrap=True)


@contextmanager
def _threads(space: LatentSpace, codes: int) -> Iterator[None]:
    """One thread for small networks: there, threads spend their time waiting for each other."""
    before = torch.get_num_threads()
    if codes * space.decoder_size < _SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lso.run", description=(__doc__ or "").splitlines()[0])
    tasks = parser.add_subparsers(title="tasks", metavar="TASK", required=True)
    command = tasks.add_parser(
        "toy",
        help="steer codes until they decode to given images, from several starts",
        description=(toy.__doc__ or "").split("\n\n")[0],
        epilog=_DECODERS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=_toy)
    command.add_argument("--decoder", required=True, metavar="REFERENCE", help="whose decoder to use, see below")
    default = toy.Settings()
    for name, what in (("images", "images of the test set"), ("iterations", "most steps of a code")):
        command.add_argument(
            f"--{name}", type=int, default=getattr(default, name), metavar="N", help=f"{what} (%(default)s)"
        )
    command.add_argument("--seed", type=int, default=0, help="of the choice of images and of all draws (%(default)s)")
    command.add_argument(
        "--inits",
        default=",".join(default.inits),
        metavar="A,B,...",
        help="starts: encoder (posterior mean), prior, random (standard normal); again for another draw (%(default)s)",
    )
    command.add_argument("--tracking-uri", metavar="URI", help="default: MLFLOW_TRACKING_URI, else ./mlflow.db")
    command.add_argument(
        "--out", metavar="DIR", help="where to save, in place of earlier results (results/lso/toy-...)"
    )
    _add_searches(tasks)
    return parser


def _add_searches(tasks: Any) -> None:
    expression = _add_search(tasks, "expression", "find an expression with the values of a target", start="tlbo")
    expression.add_argument("--target", default=TARGET, help="an expression of x (%(default)s)")
    expression.add_argument(
        "--score", default="gvae", choices=sorted(SCORES), help="how errors become a score (%(default)s)"
    )
    expression.set_defaults(settings=lambda options: {"target": options.target, "score": options.score})
    what = "find a molecule with a high score"
    molecule = _add_search(tasks, "molecule", what, start=RANDOM_START, optimizer="hybrid")
    objectives = "penalized_logp, penalized_logp_qed, qed, osimertinib, ranolazine, perindopril, zaleplon, median2"
    molecule.add_argument("--objective", default="penalized_logp", help=f"one of {objectives} (%(default)s)")
    molecule.add_argument("--data", default="nci", choices=DATA, help="molecules known before (%(default)s)")
    sizes = molecule.add_mutually_exclusive_group()
    sizes.add_argument("--size", type=int, default=38, help="most heavy atoms (%(default)s)")
    sizes.add_argument(
        "--open-length",
        action="store_const",
        const=None,
        dest="size",
        help="no limit, and the alkanes of the best molecules' sizes beside them",
    )
    molecule.add_argument("--normalization", default="gcpn", help="of penalized log P: gcpn, tripp, data (%(default)s)")
    molecule.set_defaults(
        settings=lambda options: {
            name: getattr(options, name) for name in ("objective", "data", "size", "normalization")
        }
    )
    what = "a task of your own: --task module:Class"
    custom = _add_search(tasks, "custom", what, start="held_out")
    custom.add_argument("--task", required=True, metavar="MODULE:CLASS", help="derived from lso.task.Task")
    console.add_settings(custom, "what the task is built with")
    custom.set_defaults(settings=lambda options: console.settings(options.set))


def _add_search(
    tasks: Any, name: str, what: str, *, start: str, optimizer: str = optimizers.DEFAULT
) -> argparse.ArgumentParser:
    found: argparse.ArgumentParser = tasks.add_parser(
        name, help=what, description=what, epilog=_SEARCH, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.set_defaults(run=_search, task=name)
    known = ", ".join(optimizers.names())
    for flags, kind, value, text in (
        ("--decoder", str, None, "whose decoder to use, see below (default: one is trained)"),
        ("--optimizer", str, optimizer, f"one of {known} (%(default)s)"),
        ("--budget", int, 250, "calls of the objective in a run (%(default)s)"),
        ("--batch", int, 10, "calls an iteration (%(default)s)"),
        ("--seeds", int, 1, "runs of each optimizer, seeds 0, 1, ... (%(default)s)"),
        ("--start", str, start, f"what is known before: {', '.join(starts.names())} (%(default)s)"),
        ("--compare", str, "", "more optimizers, joined by commas, with the same budget"),
        ("--knowledge", str, "descriptor", f"one of {', '.join(KNOWLEDGE)} (%(default)s)"),
        (
            "--address",
            str,
            None,
            "Ray cluster to join, or auto (default: $RAY_ADDRESS, else the cores of this machine)",
        ),
        ("--out", str, None, "folder for the results (results/lso/...)"),
        ("--tracking-uri", str, None, "default: MLFLOW_TRACKING_URI, else ./mlflow.db"),
    ):
        found.add_argument(flags, type=kind, default=value, help=text)
    found.add_argument("--resume", action="store_true", help="go on with a comparison that was interrupted")
    return found


if __name__ == "__main__":
    console.run(main)
