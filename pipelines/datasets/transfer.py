"""One file over HTTP, in as many connections as it takes."""

from __future__ import annotations

from pathlib import Path

import requests
from tqdm import tqdm

_TIMEOUT = (10.0, 30.0)  # seconds to connect, seconds between two pieces
_PIECE = 1 << 16  # bytes


def transfer(url: str, part: Path) -> None:
    """Append to `part` what it lacks, through new connections as long as each brings some of it.

    Where the server cannot send the rest alone, `part` is written anew. A terminal shows the progress.

    Raises:
        requests.RequestException: a connection brought nothing. What came before stays in `part`.
    """
    while True:
        before = _size(part)
        try:
            return _receive(url, part)
        except requests.RequestException:
            if _size(part) <= before:
                raise


def reason(error: requests.RequestException) -> str:
    """Why it failed, to follow the address in a sentence."""
    if isinstance(error, requests.HTTPError):
        return f"answers {error.response.status_code} {error.response.reason}"
    return f"cannot be reached ({type(error).__name__})"


def _receive(url: str, part: Path) -> None:
    have = _size(part)
    # Compression on the way would make offsets in the file and offsets in the answer two different things.
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        if have and response.status_code == requests.codes.requested_range_not_satisfiable:
            part.unlink()
            return _receive(url, part)
        response.raise_for_status()
        start = have if response.status_code == requests.codes.partial_content else 0
        rest = response.headers.get("Content-Length")
        total = start + int(rest) if rest else None
        bar = tqdm(desc=part.stem, initial=start, total=total, unit="B", unit_scale=True, disable=None)
        with part.open("ab" if start else "wb") as sink, bar:
            for piece in response.iter_content(_PIECE):
                bar.update(sink.write(piece))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
