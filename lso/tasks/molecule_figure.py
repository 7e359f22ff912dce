"""Molecules drawn with their properties."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib import image
from matplotlib.figure import Figure

_COLUMNS = 3
_SIZE = (500, 350)


def figure(best: Sequence[tuple[Any, float, Mapping[str, Any]]]) -> Figure:
    """One panel for every molecule with its score and properties."""
    rows = max(1, -(-len(best) // _COLUMNS))
    whole = Figure(figsize=(4 * _COLUMNS, 3.2 * rows), layout="constrained")
    for place, ax in enumerate(whole.subplots(rows, _COLUMNS, squeeze=False).flat):
        ax.axis("off")
        if place < len(best):
            molecule, score, properties = best[place]
            ax.imshow(_drawn(molecule))
            text = ", ".join(f"{name} {_brief(value)}" for name, value in properties.items())
            ax.set_title(f"{score:.3f}\n{text}", fontsize=7)
    return whole


def _drawn(molecule: Any) -> Any:
    from rdkit.Chem.Draw import rdMolDraw2D

    canvas = rdMolDraw2D.MolDraw2DCairo(*_SIZE)
    rdMolDraw2D.PrepareAndDrawMolecule(canvas, molecule)
    canvas.FinishDrawing()
    return image.imread(io.BytesIO(canvas.GetDrawingText()), format="png")


def _brief(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
