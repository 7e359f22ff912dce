"""The members of a population, generation after generation (Jaderberg et al. 2017, Population Based Training).

What a member is follows from its settings in all of its epochs and its seed, as for any trial: the weights that it
takes over are those that a run with these settings would have. Every draw is made from the study's seed, the branch,
the generation and the member's place, so that a second start of a study draws what the first would have drawn.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import TrialState

from methods.core.ranges import Integer, OneOf, Range
from orchestrator.definition.space import distribution, nearest
from orchestrator.definition.study import Study
from orchestrator.search.samplers import sampler
from pipelines.changeable import carries_over
from pipelines.trial import Trial

_REPEATS = 100  # draws of known members in a row before there are taken to be no others
_RESAMPLED = 0.25  # how often a setting is drawn anew (Jaderberg et al. 2017, Appendix A)
_FACTORS = (0.8, 1.2)
_DIGITS = 6  # of what is perturbed


@dataclass(frozen=True)
class Member:
    """One of a generation.

    Attributes:
        trial: from the first epoch to the end of the generation.
        parent: the identity of the member of the generation before that it goes on from; empty for none.
    """

    trial: Trial
    parent: str = ""


Values = Mapping[str, float | None]
"""The metric by a member's identity; None where it failed, or has none that is finite."""


class Population:
    """The rules by which generations follow one another. No two members of a generation are the same.

    Args:
        study: says how many members and generations, and which metric.
        branch: of the study.
    """

    def __init__(self, study: Study, branch: str) -> None:
        self._study, self._branch = study, branch
        self._ranges = study.ranges(branch)
        self._space = {name: distribution(span) for name, span in self._ranges.items()}
        self._size = study.configurations(branch)
        self._ends = study.ends(branch)
        self._sign = study.objectives[0].sign
        self._optuna = optuna.create_study()

    @property
    def generations(self) -> int:
        return len(self._ends)

    def first(self) -> list[Member]:
        """The branch's defaults, then what random search would draw."""
        defaults = self._trial(self._study.first(self._branch)[0], 0)
        found = {defaults.identity: defaults}
        while len(found) < self._size:
            draws = (sampler(self._study, self._branch, len(found), attempt) for attempt in range(_REPEATS))
            trials = (self._trial(self._drawn(draw), 0) for draw in draws)
            new = next((trial for trial in trials if trial.identity not in found), None)
            if new is None:
                break
            found[new.identity] = new
        return [Member(trial) for trial in found.values()]

    def next(self, generation: int, members: Sequence[Member], values: Values) -> list[Member]:
        """The members of `generation`, which begins where those `members` ended.

        A quarter, the worst, take over from random ones of the best quarter, and change what can change; so do all that
        failed. The others go on as they are. Where all failed, all are drawn anew.

        Args:
            generation: counted from 0.
            members: of the one before.
            values: of all of them.
        """
        best, replaced = self._selected([member.trial for member in members], values)
        epochs = self._ends[generation]
        found: dict[int, Member] = {
            place: Member(member.trial.continued(epochs, {}), member.trial.identity)
            for place, member in enumerate(members)
            if place not in replaced
        }
        for place in replaced:
            taken = {member.trial.identity for member in found.values()}
            found[place] = self._replacement(generation, place, best, taken) or self._stuck(
                generation, members[place].trial, values
            )
        return [found[place] for place in range(len(members))]

    def _selected(self, trials: Sequence[Trial], values: Values) -> tuple[list[Trial], list[int]]:
        """The best quarter, and the places of those that are replaced: truncation selection."""
        able = {place: value for place, trial in enumerate(trials) if (value := values[trial.identity]) is not None}
        order = sorted(able, key=lambda place: (-self._sign * able[place], trials[place].identity))
        failed = [place for place in range(len(trials)) if place not in able]
        quarter = max(1, len(trials) // 4)
        best, worst = order[:quarter], (order + failed)[-quarter:]
        replaced = sorted({*worst, *failed} - set(best))
        return [trials[place] for place in best], replaced

    def _replacement(self, generation: int, place: int, best: Sequence[Trial], taken: set[str]) -> Member | None:
        """A member that nobody is yet; None where there seems to be none."""
        for attempt in range(_REPEATS):
            digest = hashlib.sha256(f"{self._study.seed} {self._branch} {generation} {place} {attempt}".encode())
            chance = random.Random(digest.digest())
            anew = self._drawn(RandomSampler(seed=chance.getrandbits(32)))
            if not best:
                trial, parent = self._trial(anew, generation), ""
            else:
                chosen = chance.choice(best)
                trial, parent = self._explored(chosen, anew, generation, chance), chosen.identity
            if trial.identity not in taken:
                return Member(trial, parent)
        return None

    def _stuck(self, generation: int, trial: Trial, values: Values) -> Member:
        """A member that has nothing to become: it goes on as it is."""
        parent = "" if values[trial.identity] is None else trial.identity
        return Member(trial.continued(self._ends[generation], {}), parent)

    def _explored(self, parent: Trial, anew: Mapping[str, Any], generation: int, chance: random.Random) -> Trial:
        """The parent going on with other settings, where they can be others in the middle of training."""
        changes: dict[str, Any] = {}
        own = parent.settings()
        for name, span in self._ranges.items():
            resampled = chance.random() < _RESAMPLED
            value = anew[name] if resampled else perturbed(own[name], span, chance)
            if carries_over(parent, parent.altered(changes | {name: value})):
                changes[name] = value
        return parent.continued(self._ends[generation], changes)

    def _drawn(self, source: BaseSampler) -> dict[str, Any]:
        """One point of the space."""
        self._optuna.sampler = source
        draw = self._optuna.ask(self._space)
        self._optuna.tell(draw, None, TrialState.FAIL)
        return draw.params

    def _trial(self, chosen: Mapping[str, Any], generation: int) -> Trial:
        return self._study.trial(self._branch, {**chosen, "epochs": self._ends[generation]}, seed=0)


def perturbed(value: Any, span: Range, chance: random.Random) -> Any:
    """A number times 0.8 or 1.2, a whole one by 1 at least; of choices a neighbor. All as far as the range goes."""
    place = chance.randrange(2)
    if isinstance(span, OneOf):
        neighbor = span.choices.index(value) + (-1, 1)[place]
        return span.choices[min(max(neighbor, 0), len(span.choices) - 1)]
    moved = value * _FACTORS[place]
    if isinstance(span, Integer):
        whole = round(moved)
        return nearest(span, whole if whole != value else value + (-1, 1)[place])
    return nearest(span, float(f"{moved:.{_DIGITS}g}"))
