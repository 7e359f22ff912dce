"""What a study may spend, all its starts together."""

from __future__ import annotations

from pydantic import BaseModel, Field

from orchestrator.definition.strict import STRICT


class Prices(BaseModel):
    """Money for an hour of one CPU and of one GPU; in which currency is left to whoever reads it."""

    model_config = STRICT

    cpu: float = Field(default=0, ge=0)
    gpu: float = Field(default=0, ge=0)


class Budget(BaseModel):
    """Limits of a study. Where one is reached the study stops and can be continued once the limit is higher.

    Attributes:
        hours: that the sweep runs, in hours of the clock.
        cost: in money: hours of trials times `prices`.
        trials: that the study has, those included that another study has trained.
    """

    model_config = STRICT

    hours: float | None = Field(default=None, gt=0)
    cost: float | None = Field(default=None, gt=0)
    trials: int | None = Field(default=None, ge=1)
