"""One kind of error for everything a user can mend, and names that are nearly right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BadInput(ValueError):
    """What was asked for cannot be done as given. The message says what is wrong and how to mend it.

    Command lines print it as one sentence and exit with code 2; libraries let it pass through.
    """


def unknown(kind: str, name: object, known: Iterable[str]) -> BadInput:
    """The error for a name that does not exist, with the nearest one that does.

    >>> str(unknown("method", "beta_vea", ["vae", "beta_vae"]))
    "unknown method 'beta_vea': did you mean 'beta_vae'? Known: beta_vae, vae"
    """
    names = sorted(known)
    if not names:
        return BadInput(f"unknown {kind} {name!r}: there are none")
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return BadInput(f"unknown {kind} {name!r}: {hint}Known: {', '.join(names)}")
