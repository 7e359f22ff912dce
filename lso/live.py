"""How a comparison stands, on the screen while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import Progress, TaskID

from lso.plan import Plan
from lso.worker import Evaluated, Finished, Lost, Message, Stage
from pipelines import console


class Live:
    """A line for every seed at work: its optimizer, the best score, shares of valid and new proposals, time left.

    Where there is no terminal, a line is printed when a run is over.
    """

    def __init__(self, plan: Plan, bar: Progress, *, maximize: bool) -> None:
        self._plan, self._bar, self._maximize = plan, bar, maximize
        self._whole = bar.add_task(plan.task, total=len(plan.optimizers) * plan.seeds)
        self._lines: dict[int, TaskID] = {}
        self._best: dict[tuple[str, int], float] = {}

    def __call__(self, message: Message) -> None:
        if isinstance(message, Stage):
            self._line(message.seed, f"seed {message.seed}: {message.text}", 0)
        elif isinstance(message, Evaluated) and message.rows:
            self._evaluated(message)
        elif isinstance(message, Finished):
            self._finished(message)
        elif isinstance(message, Lost):
            self._line(message.seed, f"seed {message.seed}: again", 0)
            console.ERR.print(f"seed {message.seed} begins again: {message.reason}", markup=False, soft_wrap=True)

    def _evaluated(self, message: Evaluated) -> None:
        row = message.rows[-1]
        scores = [new.score for new in message.rows if new.score is not None]
        choose = max if self._maximize else min
        known = [self._best[row.run]] if row.run in self._best else []
        if scores or known:
            self._best[row.run] = choose([*scores, *known])
        best = f"best {self._best[row.run]:.4g}" if row.run in self._best else "nothing valid yet"
        shares = f"valid {row.valid_calls / row.proposals:.0%}, new {row.unique_calls / row.proposals:.0%}"
        self._line(row.seed, f"seed {row.seed} {row.optimizer}: {best}, {shares}", row.unique_calls)

    def _line(self, seed: int, text: str, calls: int) -> None:
        if seed not in self._lines:
            self._lines[seed] = self._bar.add_task(text, total=self._plan.budget)
        self._bar.update(self._lines[seed], description=text, completed=calls)

    def _finished(self, message: Finished) -> None:
        self._bar.advance(self._whole)
        if message.optimizer == self._plan.optimizers[-1] and message.seed in self._lines:
            self._bar.remove_task(self._lines.pop(message.seed))
        elif message.seed in self._lines:
            self._bar.reset(self._lines[message.seed])
        best = self._best.get((message.optimizer, message.seed))
        text = " nothing that is valid and new" if best is None else f" best {best:.4g}"
        console.ERR.print(f"{message.optimizer} seed {message.seed}:{text} ({message.seconds:.1f} s)", soft_wrap=True)


@contextmanager
def live(plan: Plan, *, maximize: bool) -> Iterator[Live]:
    """What to tell of messages while a comparison runs."""
    with console.progress() as bar:
        yield Live(plan, bar, maximize=maximize)
