from __future__ import annotations

import hashlib
import http.server
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from methods.core.errors import BadInput
from pipelines.datasets.download import RemoteFile, fetch, present

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PIECE = 1 << 16  # bytes that may get lost where a connection breaks off
NOBODY = "http://127.0.0.1:9/digits.gz"  # the discard port: nothing listens there


@dataclass
class Server:
    """A web server on this machine, what it was asked for, and how it misbehaves.

    Attributes:
        address: of the file it serves.
        content: of that file.
        breaks: after how many bytes the next connections break off.
        ranges: whether it can send a part of the file.
        delay: seconds before it answers.
        asked: the Range header of every request.
        sent: bytes sent in answer to each request.
    """

    address: str = ""
    content: bytes = CONTENT
    breaks: list[int] = field(default_factory=list)
    ranges: bool = True
    delay: float = 0.0
    asked: list[str | None] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(served.delay)
            asked = self.headers.get("Range")
            served.asked.append(asked)
            if self.path != "/digits.gz":
                return self.send_error(404)
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and served.ranges else 0
            if start >= len(served.content):
                return self.send_error(416)
            rest = served.content[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            piece = rest[: served.breaks.pop(0)] if served.breaks else rest
            served.sent.append(len(piece))
            self.wfile.write(piece)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.address = f"http://127.0.0.1:{listening.server_address[1]}/digits.gz"
    threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
    yield served
    listening.shutdown()
    listening.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh cache, and no data folder."""
    monkeypatch.delenv("LATENT_ORCHESTRA_DATA", raising=False)
    monkeypatch.setenv("LATENT_ORCHESTRA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    (folder / "letters").mkdir(parents=True)
    monkeypatch.setenv("LATENT_ORCHESTRA_DATA", str(folder))
    return folder


def declared(*urls: str, sha256: str = SHA256) -> RemoteFile:
    return RemoteFile("letters", "digits.gz", urls, sha256)


def test_a_file_in_the_users_folder_is_used_where_it_is(data_folder: Path) -> None:
    path = data_folder / "letters" / "digits.gz"
    path.write_bytes(CONTENT)
    assert present(declared(NOBODY))
    assert fetch(declared(NOBODY)) == path


def test_a_damaged_file_in_the_users_folder_is_named_with_the_remedy_and_left_alone(data_folder: Path) -> None:
    path = data_folder / "letters" / "digits.gz"
    path.write_bytes(CONTENT[:-1])
    found = hashlib.sha256(CONTENT[:-1]).hexdigest()
    with pytest.raises(BadInput, match="delete it and run again") as refusal:
        fetch(declared(NOBODY))
    assert all(part in str(refusal.value) for part in (str(path), found, SHA256))
    assert path.read_bytes() == CONTENT[:-1]


def test_a_data_folder_that_does_not_exist_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENT_ORCHESTRA_DATA", str(tmp_path / "typo"))
    with pytest.raises(BadInput, match="typo, which is no folder"):
        fetch(declared(NOBODY))


def test_what_the_users_folder_lacks_is_downloaded_into_the_cache(
    server: Server, data_folder: Path, cache: Path
) -> None:
    path = fetch(declared(server.address))
    assert path == cache / "letters" / "digits.gz"
    assert path.read_bytes() == CONTENT
    assert not list((data_folder / "letters").iterdir())


def test_without_a_setting_the_cache_is_the_users_own(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LATENT_ORCHESTRA_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    path = fetch(declared(server.address))
    assert path.is_relative_to(tmp_path / "home")
    assert "latent-orchestra" in path.parts


def test_a_file_is_downloaded_once(server: Server) -> None:
    assert fetch(declared(server.address)) == fetch(declared(server.address))
    assert len(server.asked) == 1


def test_an_md5_will_do(server: Server) -> None:
    md5 = hashlib.md5(CONTENT).hexdigest()
    assert fetch(RemoteFile("letters", "digits.gz", (server.address,), md5=md5)).read_bytes() == CONTENT
    with pytest.raises(BadInput, match="md5"):
        fetch(RemoteFile("others", "digits.gz", (server.address,), md5="0" * 32))


def test_after_a_broken_connection_only_the_rest_is_transferred(server: Server) -> None:
    server.breaks = [200_000, 100_000]
    assert fetch(declared(server.address)).read_bytes() == CONTENT
    assert len(server.asked) == 3
    assert sum(server.sent) <= len(CONTENT) + 2 * PIECE


def test_the_next_run_goes_on_where_an_interrupted_one_stopped(server: Server, cache: Path) -> None:
    server.breaks = [200_000, 0]  # the second connection brings nothing, which ends the first run
    with pytest.raises(BadInput, match="cannot be reached"):
        fetch(declared(server.address))
    assert fetch(declared(server.address)).read_bytes() == CONTENT
    assert server.sent[:2] == [200_000, 0]
    assert server.sent[2] <= len(CONTENT) - 200_000 + PIECE
    assert not (cache / "letters" / "digits.gz.part").exists()


@pytest.mark.parametrize("leftover", [b"something else", CONTENT + b"more"], ids=["foreign", "too long"])
def test_a_leftover_that_does_not_fit_is_thrown_away(server: Server, cache: Path, leftover: bytes) -> None:
    (cache / "letters").mkdir(parents=True)
    (cache / "letters" / "digits.gz.part").write_bytes(leftover)
    assert fetch(declared(server.address)).read_bytes() == CONTENT


def test_a_server_that_cannot_resume_sends_everything(server: Server, cache: Path) -> None:
    server.ranges = False
    (cache / "letters").mkdir(parents=True)
    (cache / "letters" / "digits.gz.part").write_bytes(CONTENT[:1000])
    assert fetch(declared(server.address)).read_bytes() == CONTENT
    assert server.sent == [len(CONTENT)]


def test_the_next_address_is_tried_where_one_fails(server: Server) -> None:
    missing = server.address.replace("digits", "elsewhere")
    assert fetch(declared(NOBODY, missing, server.address)).read_bytes() == CONTENT


def test_a_wrong_checksum_is_refused_with_culprit_and_remedy(server: Server, cache: Path) -> None:
    with pytest.raises(BadInput) as refusal:
        fetch(declared(server.address, sha256="0" * 64))
    expected = (server.address, SHA256, "expected " + "0" * 64, "letters/digits.gz", "LATENT_ORCHESTRA_DATA")
    assert all(part in str(refusal.value) for part in expected)
    assert not [path for path in (cache / "letters").iterdir() if path.suffix != ".lock"]


def test_a_damaged_file_in_the_cache_is_replaced(server: Server) -> None:
    path = fetch(declared(server.address))
    path.write_bytes(CONTENT[:1000])
    assert fetch(declared(server.address)).read_bytes() == CONTENT


def test_an_unchanged_file_is_read_once_a_process(data_folder: Path) -> None:
    path = data_folder / "letters" / "digits.gz"
    path.write_bytes(CONTENT)
    fetch(declared())
    status = path.stat()
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # it looks unchanged, so nobody reads it again
    assert fetch(declared()) == path
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    with pytest.raises(BadInput, match="corrupt"):
        fetch(declared())


def test_of_two_processes_that_need_a_file_one_downloads_it(server: Server, cache: Path) -> None:
    server.delay = 0.5  # long enough for the second process to want the file too
    context = multiprocessing.get_context("fork")
    paths: multiprocessing.Queue[Path] = context.Queue()
    processes = [context.Process(target=lambda: paths.put(fetch(declared(server.address)))) for _ in range(2)]
    for process in processes:
        process.start()
    assert [paths.get(timeout=60) for _ in processes] == [cache / "letters" / "digits.gz"] * 2
    for process in processes:
        process.join()
    assert server.sent == [len(CONTENT)]


def test_an_address_out_of_reach_is_told_in_one_sentence() -> None:
    with pytest.raises(BadInput) as refusal:
        fetch(declared(NOBODY))
    message = str(refusal.value)
    assert all(part in message for part in ("letters/digits.gz", NOBODY, "LATENT_ORCHESTRA_DATA"))
    assert len(message) < 300
    assert "\n" not in message


def test_an_address_without_the_file_is_told_with_the_servers_answer(server: Server) -> None:
    with pytest.raises(BadInput, match="answers 404 Not Found"):
        fetch(declared(server.address + "x"))


def test_a_cache_that_cannot_be_written_is_named_with_the_remedy(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("LATENT_ORCHESTRA_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(BadInput, match=r"cannot write digits.gz in .*file/cache/letters .*set LATENT_ORCHESTRA_CACHE"):
        fetch(declared(server.address))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device of Linux that is always full")
def test_a_full_disk_is_named_with_the_remedy(server: Server, cache: Path) -> None:
    (cache / "letters").mkdir(parents=True)
    (cache / "letters" / "digits.gz.part").symlink_to("/dev/full")
    with pytest.raises(BadInput, match=r"no space is left in .*letters for digits.gz: free some, or set"):
        fetch(declared(server.address))
