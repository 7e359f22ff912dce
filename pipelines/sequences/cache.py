"""Arrays that take long to compute, kept on disk under a name that says what they were computed from."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pooch
import torch
from numpy.typing import NDArray

from pipelines.sequences.encoding import Encoded, Report, encode
from pipelines.sequences.language import Language

Arrays = Mapping[str, NDArray[np.generic]]

_VERSION = "1"  # of how arrays are computed, for changes that their sources do not show


def encoded(name: str, strings: Sequence[str], language: Language) -> Encoded:
    """`encode`, or what it returned for the same strings in the same language before.

    Args:
        name: of the data, for the file and the progress bar.
    """

    def compute() -> Arrays:
        found = encode(strings, language, title=f"encoding {name}")
        report = json.dumps([found.report.total, found.report.refused, found.report.examples])
        return {"sequences": found.sequences.numpy(), "rows": found.rows.numpy(), "report": np.array(report)}

    arrays = kept(name, [language.definition, *strings], compute)
    report = Report(*json.loads(str(arrays["report"])))
    return Encoded(torch.from_numpy(arrays["sequences"]), torch.from_numpy(arrays["rows"]), report)


def kept(name: str, sources: Sequence[str], compute: Callable[[], Arrays]) -> Arrays:
    """What `compute` returns, from disk if it was computed before from equal `sources`.

    The file holds a checksum of its arrays. Where it is damaged, or the disk cannot be written, they are computed.
    """
    digest = hashlib.sha256("\0".join([_VERSION, *sources]).encode()).hexdigest()[:16]
    path = _folder() / f"{name}-{digest}.npz"
    found = _read(path)
    if found is None:
        found = compute()
        _write(path, found)
    return found


def _folder() -> Path:
    root = os.environ.get("LATENT_ORCHESTRA_CACHE") or pooch.os_cache("latent-orchestra")
    return Path(root).expanduser() / "encoded"


def _read(path: Path) -> Arrays | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return arrays if str(arrays.pop("checksum", "")) == _checksum(arrays) else None


def _write(path: Path, arrays: Arrays) -> None:
    """To a name of its own and then renamed, so that nobody ever sees half a file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".draft-", dir=path.parent) as folder:
            draft = Path(folder) / path.name
            np.savez(draft, allow_pickle=False, checksum=np.array(_checksum(arrays)), **arrays)
            os.replace(draft, path)
    except OSError:
        return  # a cache that cannot be written costs time and nothing else


def _checksum(arrays: Arrays) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
