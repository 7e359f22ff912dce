"""Files of data sets: found where the user keeps them, else downloaded once, and always checked.

A file is looked for as `$LATENT_ORCHESTRA_DATA/<folder>/<name>`, then in the cache (`$LATENT_ORCHESTRA_CACHE`, or else
the operating system's cache folder of this user), and downloaded into the cache where it is in neither.
"""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pooch
import requests
from filelock import FileLock

from methods.core.errors import BadInput
from pipelines.datasets.transfer import reason, transfer

_FULL = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True)
class RemoteFile:
    """A file of a data set, and how to tell that it is the right one.

    Attributes:
        folder: the data set's folder, inside the user's data folder and inside the cache.
        name: the file's name there.
        urls: addresses, tried in turn. Without any, the file is used only where the user has it.
        sha256: checksum in hexadecimal digits.
        md5: checksum where nobody publishes a SHA-256. Without either, who reads the file has to check its content.
    """

    folder: str
    name: str
    urls: tuple[str, ...] = ()
    sha256: str = ""
    md5: str = ""

    def __str__(self) -> str:
        return f"{self.folder}/{self.name}"


def present(file: RemoteFile) -> bool:
    """Does the user keep this file in the folder that LATENT_ORCHESTRA_DATA names?"""
    return _kept(file) is not None


def fetch(file: RemoteFile) -> Path:
    """Where the file is on this machine, after its checksum was found right and, if need be, a download.

    An interrupted download goes on where it stopped. Processes that need the same file at the same time wait for one
    of them to download it. A damaged file in the cache is replaced; one in LATENT_ORCHESTRA_DATA is never touched.

    Raises:
        BadInput: no address brings the file whole, the user's own copy is damaged, or the cache cannot be written.
    """
    kept = _kept(file)
    if kept is not None:
        return _checked(file, kept)
    target = _cache() / file.folder / file.name
    if not _is_whole(file, target):
        with _writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{target}.lock"):
                _replace(file, target)
    return target


def _kept(file: RemoteFile) -> Path | None:
    """The user's own copy, if there is one."""
    root = os.environ.get("LATENT_ORCHESTRA_DATA")
    if not root:
        return None
    if not Path(root).expanduser().is_dir():
        raise BadInput(f"LATENT_ORCHESTRA_DATA names {root}, which is no folder: correct it or unset it")
    path = Path(root).expanduser() / file.folder / file.name
    return path if path.is_file() else None


def _cache() -> Path:
    return Path(os.environ.get("LATENT_ORCHESTRA_CACHE") or pooch.os_cache("latent-orchestra")).expanduser()


def _checked(file: RemoteFile, path: Path) -> Path:
    difference = _difference(file, path)
    if difference:
        raise BadInput(f"{path} is corrupt or truncated ({difference}): delete it and run again")
    return path


def _is_whole(file: RemoteFile, path: Path) -> bool:
    return path.is_file() and not _difference(file, path)


def _difference(file: RemoteFile, path: Path) -> str:
    """The checksums found and expected where they differ, else nothing."""
    algorithm, expected = ("sha256", file.sha256) if file.sha256 else ("md5", file.md5)
    if not expected:
        return ""
    status = path.stat()
    found = _digest(path, algorithm, status.st_size, status.st_mtime_ns)
    return "" if found == expected else f"{algorithm} {found}, expected {expected}"


@functools.cache
def _digest(path: Path, algorithm: str, size: int, modified: int) -> str:
    """Checksum of a file. Size and time are part of the key, so a process reads an unchanged file once."""
    del size, modified
    return pooch.file_hash(path, alg=algorithm)


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Words for what a disk refuses."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise BadInput(
                f"no space is left in {target.parent} for {target.name}: free some, or set LATENT_ORCHESTRA_CACHE to a "
                "folder on another disk"
            ) from error
        raise BadInput(
            f"cannot write {target.name} in {target.parent} ({error.strerror}): set LATENT_ORCHESTRA_CACHE to a folder "
            "that you may write to"
        ) from error


def _replace(file: RemoteFile, target: Path) -> None:
    """Download to a name of its own and rename, so nobody ever sees half a file."""
    if _is_whole(file, target):  # another process was faster
        return
    target.unlink(missing_ok=True)
    part = target.with_name(f"{target.name}.part")
    failures = []
    for url in file.urls:
        failure = _download(url, file, part)
        if not failure:
            part.replace(target)
            return
        failures.append(f"{url} {failure}")
    raise BadInput(
        f"cannot download {file}: {'; '.join(failures) or 'no address is known'}; check the network, or let "
        f"LATENT_ORCHESTRA_DATA name a folder that holds {file}"
    )


def _download(url: str, file: RemoteFile, part: Path) -> str:
    """Complete `part` from this address: what went wrong, or nothing."""
    begun = part.exists()
    try:
        transfer(url, part)
    except requests.RequestException as error:
        return reason(error)
    difference = _difference(file, part)
    if not difference:
        return ""
    part.unlink()
    return _download(url, file, part) if begun else f"sends a corrupt file ({difference})"
