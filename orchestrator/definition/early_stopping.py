"""When a study stops a configuration that is worse than others of its branch."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator

from orchestrator.definition.strict import STRICT


class EarlyStopping(BaseModel):
    """Early stopping within each branch. A rule's name alone stands for that rule with its defaults.

    `asha`, asynchronous successive halving (Li et al. 2020): after `grace` epochs, and then at every multiple by
    `reduction`, a trial goes on only if it is among the best 1 / `reduction` of its branch's trials so far.

    `hyperband` (Li et al. 2018, asynchronously): trials are dealt to brackets, which are as `asha` but for their grace,
    `grace` times 1, `reduction`, `reduction`², … as far as the epochs allow. For metrics that may rank configurations
    otherwise at first than in the end. With `search: tpe`, whose model goes by the trials that got furthest, it is in
    kind what BOHB is (Falkner et al. 2018).

    `median` (Golovin et al. 2017): after `grace` epochs a trial goes on only while its best value so far is no worse
    than the median of the means of at least three others up to the same epoch. `reduction` has no meaning.

    A trial that two branches share competes in the one that began it.
    """

    model_config = STRICT

    rule: Literal["asha", "hyperband", "median"] = "asha"
    grace: int = Field(default=5, ge=1)
    reduction: float = Field(default=3, gt=1)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        return {"rule": given} if isinstance(given, str) else given
