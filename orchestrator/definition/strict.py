"""What is read from YAML: unknown keys are mistakes, and nothing changes once it was read."""

from __future__ import annotations

from pydantic import ConfigDict

STRICT = ConfigDict(extra="forbid", frozen=True)
