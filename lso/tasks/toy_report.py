"""The toy optimization on disk and on the screen."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from lso.tasks.toy import THRESHOLDS, Result
from lso.tasks.toy_figure import figure
from lso.tasks.toy_summary import ends, gaps
from methods.core.errors import BadInput

FILES = ("summary.json", "evaluations.npz", "toy.png")
"""What `write` writes."""


def write(result: Result, folder: Path, *, title: str, facts: Mapping[str, Any]) -> None:
    """Write `FILES`, in place of earlier ones.

    Args:
        folder: made where there is none.
        title: of the picture.
        facts: of the decoder and its data, kept in the summary.

    Raises:
        BadInput: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILES[0]).write_text(json.dumps({**facts, **summary(result)}, indent=1))
        np.savez_compressed(folder / FILES[1], allow_pickle=False, **evaluations(result))
        figure(result, title).savefig(folder / FILES[2], dpi=120)
    except OSError as error:
        raise BadInput(f"cannot write the results to {folder}: {error.strerror or error}") from error


def summary(result: Result) -> dict[str, Any]:
    """Settings and all means, as plain values."""
    return {
        "settings": dataclasses.asdict(result.settings),
        "thresholds": list(THRESHOLDS),
        "interrupted": result.rests.interrupted,
        "controls": result.controls,
        "ends": [dataclasses.asdict(end) for end in ends(result)],
        "gaps": [dataclasses.asdict(gap) for gap in gaps(result)],
    }


def evaluations(result: Result) -> dict[str, Any]:
    """Every code, loss and iteration: numpy arrays by start, image and threshold, in this order."""
    rests = result.rests
    tensors = {name: getattr(rests, name) for name in ("codes", "losses", "iterations", "stopped")}
    arrays = {name: result.by_start(value).cpu().numpy() for name, value in tensors.items()}
    curve = rests.curve.cpu().unflatten(1, (len(result.settings.inits), -1))
    return arrays | {
        "inits": np.array(result.settings.labels()),
        "thresholds": np.array(THRESHOLDS),
        "image": result.index.cpu().numpy(),
        "targets": result.targets.cpu().numpy(),
        "starts": result.starts.cpu().numpy(),
        "decoded": result.decoded.cpu().numpy(),
        "curve_iterations": rests.curve_iterations.cpu().numpy(),
        "curve": curve.numpy(),
    }


def tables(result: Result) -> list[Table]:
    """What came out, to be read on a screen."""
    reached = Table("start", "threshold", "squared error", "iterations", "stopped", title="Where codes came to rest")
    for end in ends(result):
        error = f"{end.loss:.4f} ± {end.deviation:.4f}"
        reached.add_row(end.start, f"{end.threshold:g}", error, f"{end.iterations:.0f}", f"{end.stopped:.0%}")
        if end.threshold == THRESHOLDS[-1]:
            reached.add_section()
    apart = Table(
        "starts", "threshold", "distance² of codes", "difference of errors", title="How far two ends are apart"
    )
    for gap in gaps(result):
        apart.add_row(gap.starts, f"{gap.threshold:g}", f"{gap.distance:.3f}", f"{gap.difference:.4f}")
        if gap.threshold == THRESHOLDS[-1]:
            apart.add_section()
    without = Table("codes", "squared error", title="Without optimization")
    for name, value in result.controls.items():
        without.add_row(name.replace("_", " "), f"{value:.4f}")
    return [table for table in (reached, apart, without) if table.row_count]
