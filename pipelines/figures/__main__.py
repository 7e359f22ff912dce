"""Draw figures of a trained method.

python -m pipelines.figures results/my_vae --figures all
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from matplotlib.figure import Figure

from methods.core.errors import BadInput, unknown
from pipelines import console, densities, figures
from pipelines.figures.saved import subject as saved


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    wanted = _wanted(options.figures)
    if options.density and options.density not in densities.names():
        raise unknown("density", options.density, densities.names())
    subject = saved(options.path)
    folder = _prepared(Path(options.out) if options.out else Path(options.path) / "figures")
    if options.density:
        density = densities.fit(options.density, subject.method, subject.dataset.data, seed=options.seed)
        subject = dataclasses.replace(subject, density=density, density_name=options.density)
    skipped = {}
    with console.progress() as bar:
        for name in bar.track(wanted, description="figures"):
            try:
                figure = figures.draw(name, subject, seed=options.seed)
            except BadInput as error:
                if options.figures != ["all"]:
                    raise BadInput(f"{name} cannot be drawn: {error}") from error
                skipped[name] = str(error)
            else:
                _write(figure, folder / f"{name}.png")
    _report(folder, [name for name in wanted if name not in skipped], skipped)
    return 0


def _wanted(given: list[str]) -> list[str]:
    known = figures.names()
    if given == ["all"]:
        return known
    for name in given:
        if name not in known:
            raise unknown("figure", name, [*known, "all"])
    return given


def _prepared(folder: Path) -> Path:
    """Make the folder before the work and not after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"cannot write into {folder}: {error.strerror}; name another folder with --out") from error
    return folder


def _write(figure: Figure, path: Path) -> None:
    try:
        figure.savefig(path, metadata={"Software": None})
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}; name another folder with --out") from error


def _report(folder: Path, drawn: list[str], skipped: dict[str, str]) -> None:
    for name in drawn:
        console.OUT.print(f"{name:<20} {folder / name}.png", soft_wrap=True, markup=False)
    for name, reason in skipped.items():
        console.OUT.print(f"{name:<20} not drawn: {reason}", soft_wrap=True, markup=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.figures", description=__doc__.splitlines()[0])
    parser.add_argument("path", metavar="PATH", help="folder of a trained method")
    parser.add_argument(
        "--figures", nargs="+", default=["all"], metavar="NAME", help=f"all, or some of {', '.join(figures.names())}"
    )
    parser.add_argument("--out", metavar="DIR", help="where to write PNG files (default: PATH/figures)")
    parser.add_argument(
        "--density",
        metavar="NAME",
        help=f"draw prior_samples from this density of the codes: {', '.join(densities.names())}",
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything random in the figures (default: 0)")
    return parser


if __name__ == "__main__":
    console.run(main)
