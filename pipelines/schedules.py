"""How the learning rate changes from epoch to epoch.

A schedule is written as a rule, with numbers of its own where the published ones do not suit: `factor@epochs`, that is
times `factor` every, at or after so many epochs.

    constant
    cosine                               half a cosine, from the full rate to 0 at the end of the trial
    step:0.5@150                         times 0.5 every 150 epochs (two-stage VAE; GMM-DAE: step:0.1@7)
    multistep:0.5@30,0.2@50,0.1@100      times 0.5 at epoch 30, times 0.2 at 50, times 0.1 at 100 (WAE)
    plateau:0.5@5                        times 0.5 after 5 epochs without a better validation objective (RAE)
    restart:0.5@20                       the same after 20, each time from the best weights and with fresh optimizers;
                                         the fifth time ends the trial (aggressive training, He et al. 2019)

The name of a rule alone stands for the numbers above.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from methods.core.errors import BadInput, unknown
from methods.core.ranges import OneOf

_PUBLISHED = {
    "constant": "",
    "cosine": "",
    "step": "0.5@150",
    "multistep": "0.5@30,0.2@50,0.1@100",
    "plateau": "0.5@5",
    "restart": "0.5@20",
}
_ADAPTIVE = ("plateau", "restart")
_RESTARTS = 5


class Decay(NamedTuple):
    """Times `factor` every, at or after so many `epochs`, as the rule has it."""

    factor: float
    epochs: int


@dataclass(frozen=True)
class Schedule:
    """A rule with its numbers. Build one with `schedule(text)`.

    Attributes:
        rule: one of `RULES`.
        decays: none for `constant` and `cosine`, any number for `multistep`, one for the others.
    """

    rule: str
    decays: tuple[Decay, ...] = ()

    def factor(self, epoch: int, *, epochs: int, decayed: int) -> float:
        """What the learning rate is multiplied by in `epoch`.

        Args:
            epoch: counts from 0.
            epochs: of the whole trial.
            decayed: how often the validation objective has made an adaptive rule decay so far.
        """
        match self.rule:
            case "cosine":
                return 0.5 * (1 + math.cos(math.pi * epoch / epochs))
            case "step":
                return self.decays[0].factor ** (epoch // self.decays[0].epochs)
            case "multistep":
                return math.prod(decay.factor for decay in self.decays if epoch >= decay.epochs)
            case "plateau" | "restart":
                return self.decays[0].factor ** decayed
            case _:
                return 1.0

    @property
    def lookahead(self) -> int:
        """Epochs without a better validation objective after which the rate decays; 0 for rules that do not look."""
        return self.decays[0].epochs if self.rule in _ADAPTIVE else 0

    @property
    def restarts(self) -> int:
        """The decay that ends the trial, where every decay goes back to the best weights; 0 for other rules."""
        return _RESTARTS if self.rule == "restart" else 0

    def __str__(self) -> str:
        numbers = ",".join(f"{decay.factor!r}@{decay.epochs}" for decay in self.decays)
        return f"{self.rule}:{numbers}" if numbers else self.rule


RULES = tuple(_PUBLISHED)
"""Every rule, by name."""


def schedule(text: str) -> Schedule:
    """The schedule that is written as `text`.

    Raises:
        BadInput: an unknown rule (the message names the nearest), or numbers that the rule cannot take.
    """
    rule, colon, numbers = text.partition(":")
    if rule not in _PUBLISHED:
        raise unknown("schedule", rule, RULES)
    if not _PUBLISHED[rule]:
        if colon:
            raise BadInput(f"the schedule {rule} takes no numbers, got {text!r}")
        return Schedule(rule)
    try:
        decays = tuple(map(_decay, (numbers if colon else _PUBLISHED[rule]).split(",")))
    except ValueError as error:
        raise _unreadable(rule, text) from error
    if len(decays) > 1 and rule != "multistep":
        raise _unreadable(rule, text)
    return Schedule(rule, decays)


class Schedules(OneOf):
    """Where `Trial.schedule` may be searched: the rules by name. Valid is each with any numbers of its own, too."""

    def __init__(self) -> None:
        super().__init__(*RULES)

    def check(self, name: str, value: object) -> str:
        """The schedule in full, so that one written briefly is the same trial.

        Raises:
            BadInput: as `schedule` does, or no text.
        """
        if not isinstance(value, str):
            raise BadInput(f"{name} must be one of {', '.join(RULES)}, got {value!r}")
        return str(schedule(value))


def _decay(text: str) -> Decay:
    factor, _, epochs = text.partition("@")
    decay = Decay(float(factor), int(epochs))
    if not 0 < decay.factor < math.inf or decay.epochs < 1:
        raise ValueError
    return decay


def _unreadable(rule: str, text: str) -> BadInput:
    return BadInput(
        f"the schedule {rule} is written like '{rule}:{_PUBLISHED[rule]}', factor@epochs with a positive factor and "
        f"at least 1 epoch, got {text!r}"
    )
