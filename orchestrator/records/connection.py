"""Errors of an MLflow store, as one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from methods.core.errors import BadInput


@contextmanager
def answering(uri: str) -> Iterator[None]:
    """Turn a failure of the store at `uri`, in the middle of its use, into one sentence.

    Raises:
        BadInput: the store stopped answering or refused.
    """
    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise BadInput(f"MLflow at {shown(uri)} cannot be read ({reason(error)}): check --tracking-uri") from error


def shown(uri: str) -> str:
    """Text without the passwords of the addresses in it.

    >>> shown("https://me:secret@mlflow.example")
    'https://me:***@mlflow.example'
    """
    return re.sub(r"(://[^/@:\s]*):[^/@\s]+@", r"\1:***@", uri)


def reason(error: Exception) -> str:
    """The first line of an error, shortened, without passwords."""
    lines = str(error).strip().splitlines()
    text = shown(lines[0]) if lines else type(error).__name__
    return text if len(text) <= 160 else f"{text[:157]}..."
