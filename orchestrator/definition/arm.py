"""What a study compares: methods, or several settings of one method side by side."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Arm(BaseModel):
    """A row of a study: searched, replicated and compared under its name.

    Any other key is a setting that is the same in all trials of this arm, as in `{name: "Hub-VAE NoSelection",
    method: hub_vae, filter: none}`. A method's name alone stands for the arm of that name.

    Attributes:
        name: in tables.
        method: what is trained.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(min_length=1)
    method: str

    @property
    def settings(self) -> dict[str, Any]:
        """What it fixes beside the study."""
        return dict(self.model_extra or {})


def arm(entry: str | Arm) -> Arm:
    """The arm that an entry of a study's `methods` stands for."""
    return Arm(name=entry, method=entry) if isinstance(entry, str) else entry
