"""Find an expression with the values of a target, here 1 / 3 + x + sin(x * x).

Source: Kusner et al. 2017, section 4.2. Three scores go by that name; none of them is like another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lso.task import Published, Start, Task, Values
from lso.tasks import expression_meaning as meaning
from methods.core.errors import BadInput, unknown
from pipelines.datasets.dataset import Dataset
from pipelines.grammar.arithmetic import evaluate
from pipelines.grammar.definitions import EXPRESSION_LENGTH
from pipelines.sequences import cache, expression_data, expression_scores, languages, starts, string_data
from pipelines.sequences.language import Language

TARGET = "1 / 3 + x + sin( x * x )"
POINTS = expression_scores.POINTS


def _gvae(errors: Values) -> float:
    return float(np.log1p(np.minimum(errors, 1000).mean()))


def _tripp(errors: Values) -> float:
    return float(min(7.0, np.log1p(errors.mean())))


def _les(errors: Values) -> float:
    return float(np.log1p(min(1000.0, errors.mean())))


SCORES: dict[str, tuple[Callable[[Values], float], float]] = {
    "gvae": (_gvae, float(np.log1p(1000))),
    "tripp": (_tripp, 7.0),
    "les": (_les, float(np.log1p(1000))),
}
"""By name, of squared errors, with the worst value: log(1 + mean min(e, 1000)) of Kusner et al. 2017; min(7, log(1 +
mean e)) of Tripp et al. 2020; log(1 + min(1000, mean e)) of LES (Ronen et al. 2024)."""


class Expression(Task):
    """Squared errors at 1,000 points between -10 and 10, in float64 with true division; lower is better.

    Args:
        target: an expression of the grammar, of any length.
        score: one of `SCORES`.

    Raises:
        BadInput: a target that is no expression or has no finite values, or an unknown score.
    """

    name = "expression"
    reads = "expression"
    solved = 1e-9
    decoder_steps = 1800
    decoder_settings: ClassVar[Mapping[str, Any]] = {
        "method": "beta_vae",
        "beta": 0.1,
        "network": "mlp",
        "latent": 25,
        "batch_size": 500,
        "learning_rate": 3e-3,
        "schedule": "cosine",
        "clip": 5.0,
    }

    def __init__(self, target: str = TARGET, score: str = "gvae") -> None:
        if score not in SCORES:
            raise unknown("score of expressions", score, SCORES)
        self.target, self.variant = target, score
        self._error_score, self._worst = SCORES[score]
        self._values = _target(target)

    def readable(self, string: str) -> str | None:
        return meaning.spelled(string) if meaning.rules(string) is not None else None

    def canonical(self, string: str) -> str | None:
        return meaning.key(string)

    def descriptor(self, strings: Sequence[str]) -> Values:
        """Values at 48 inputs that are not on the objective's grid, on the scale of arcsinh."""
        return np.stack([meaning.probed(string) for string in strings])

    def score(self, strings: Sequence[str]) -> list[float]:
        return [self._score(meaning.known_rules(string)) for string in strings]

    def flattened(self, costs: Values) -> Values:
        """Small errors matter as much as large ones."""
        return np.log(costs + 0.01)

    def start(self, protocol: str, seed: int) -> Start:
        scores = self._all_scores()
        rows = starts.expression_start(protocol, scores, seed=seed).optimizer
        lines = expression_data.lines()
        meaning.remember(lines)
        return Start([lines[row] for row in rows], scores[rows])

    def training(self, protocol: str, seed: int) -> tuple[str, Dataset]:
        rows = starts.expression_start(protocol, self._all_scores(), seed=seed).autoencoder
        sequences = string_data.shuffled(meaning.sequences()[torch.from_numpy(rows)])
        return "expressions", string_data.cut("expression_grammar", sequences, parts=20)

    def breeding(self) -> Language:
        return languages.language("expression_grammar", EXPRESSION_LENGTH)

    def published(self, protocol: str) -> Sequence[Published]:
        return _PUBLISHED.get(protocol, ()) if self._usual else ()

    def settings(self) -> Mapping[str, Any]:
        return {"target": self.target, "score": self.variant}

    def figure(self, best: Sequence[tuple[str, float]]) -> Figure:
        from lso.tasks.expression_figure import figure

        return figure(POINTS, self._values, [(string, score, self.values(string)) for string, score in best])

    def values(self, string: str) -> Values:
        """Of an expression, at the objective's points."""
        return evaluate(meaning.known_rules(string), POINTS)

    @property
    def _usual(self) -> bool:
        return self.target == TARGET and self.variant == "gvae"

    def _score(self, rules: bytes) -> float:
        with np.errstate(all="ignore"):
            errors = np.square(evaluate(rules, POINTS) - self._values)
            found = self._error_score(errors)
        return self._worst if np.isnan(found) else found

    def _all_scores(self) -> NDArray[np.float64]:
        """Of all 100,000 expressions, from the cache where they were computed before."""
        lines = expression_data.lines()
        if self._usual:
            return expression_scores.scores("expressions", meaning.sequences(), lines)
        sources = [self.target, self.variant, *lines]

        def compute() -> cache.Arrays:
            from pipelines import console

            known = [row.tobytes() for row in meaning.sequences().numpy()]
            with console.progress() as bar:
                rows = bar.track(known, description="scoring expressions")
                return {"scores": np.array([self._score(row) for row in rows])}

        return cache.kept("expressions-of-target", sources, compute)["scores"].astype(np.float64)


_PUBLISHED = {
    "tlbo": (
        Published("CoBO", 0.147, 500),
        Published("LOL-BO", 0.462, 500),
        Published("LS-BO", 0.553, 500),
        Published("W-LBO", 0.585, 500),
        Published("TuRBO-L", 0.773, 500),
    ),
    "tripp": (Published("weighted retraining", 0.480, 500),),
}
"""Chen et al. 2024 (CoBO), Table 6; Tripp et al. 2020, from the authors' result files."""


def _target(text: str) -> Values:
    rules = meaning.rules(meaning.spelled(text))
    if rules is None:
        raise BadInput(
            f"the target {text!r} is no expression: write one with x, 1, 2, 3, +, *, /, sin( ), exp( ) and ( )"
        )
    values = evaluate(rules, POINTS)
    if not np.isfinite(values).all():
        raise BadInput(f"the target {text!r} has values that are not finite between -10 and 10: choose another")
    return values
