"""PostgreSQL and an MLflow server with a store of files of its own, on this machine's loopback, until Ctrl-C.

python -m orchestrator.services --folder services

PostgreSQL is Debian's (`apt install postgresql`): nothing of it is configured, its database lives in the folder.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from methods.core.errors import BadInput
from pipelines import console

_SECONDS = 300.0  # a busy machine takes a while
_DEBIAN = Path("/usr/lib/postgresql")
_USER = "orchestra"


def programs() -> Path:
    """The folder of PostgreSQL's programs, the newest version's.

    Raises:
        BadInput: PostgreSQL is not installed.
    """
    found = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    elsewhere = shutil.which("initdb")
    if elsewhere is None:
        raise BadInput("PostgreSQL is not installed: apt-get install postgresql")
    return Path(elsewhere).resolve().parent


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A database in `folder`, made where there is none yet. Gives its SQLAlchemy address.

    Raises:
        BadInput: PostgreSQL is not installed or does not start.
    """
    data, port, binaries = folder / "postgres", free_port(), programs()
    folder.mkdir(parents=True, exist_ok=True)
    _own(folder)
    if not (data / "PG_VERSION").exists():
        _run([binaries / "initdb", "-D", data, "-U", _USER, "--auth=trust", "--encoding=UTF8", "--no-sync"])
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {data}"
    _run([binaries / "pg_ctl", "-D", data, "-l", folder / "postgres.log", "-o", options, "-w", "start"])
    try:
        with contextlib.suppress(BadInput):  # it is there already
            _run([binaries / "createdb", "-h", "127.0.0.1", "-p", port, "-U", _USER, "mlflow"])
        yield f"postgresql+psycopg2://{_USER}@127.0.0.1:{port}/mlflow"
    finally:
        _run([binaries / "pg_ctl", "-D", data, "-m", "fast", "-w", "stop"])


@contextlib.contextmanager
def mlflow_server(database: str, files: Path, *, port: int) -> Iterator[str]:
    """MLflow's server over a database, keeping artifacts in `files`. Gives its address.

    Raises:
        BadInput: it does not start.
    """
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "2"]
    stores = ["--backend-store-uri", database, "--artifacts-destination", str(files)]
    files.mkdir(parents=True, exist_ok=True)
    with (files.parent / "mlflow.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, *stores],
            env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches this program, which then stops the server
        )
    try:
        _wait(port, process, files.parent / "mlflow.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _SECONDS
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.2)
    raise BadInput(f"MLflow's server did not start: see {log}")


def _account() -> pwd.struct_passwd | None:
    """PostgreSQL's own account, as which root must run it; None for everyone else."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError as error:
        raise BadInput("root cannot run PostgreSQL, and there is no account postgres: use another account") from error


def _own(folder: Path) -> None:
    account = _account()
    if account:
        os.chown(folder, account.pw_uid, account.pw_gid)


def _run(command: Sequence[object]) -> None:
    account = _account()
    done = subprocess.run(
        [str(word) for word in command],
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # not a pipe: the server would keep it open
        stderr=subprocess.PIPE if "start" not in map(str, command) else subprocess.DEVNULL,
        text=True,
    )
    if done.returncode:
        said = (done.stderr or "").strip().splitlines()
        raise BadInput(f"{Path(str(command[0])).name} failed{f' ({said[-1]})' if said else ''}: see postgres.log")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m orchestrator.services", description=__doc__)
    parser.add_argument("--folder", default="services", help="of the database and the files (default: ./services)")
    parser.add_argument("--port", type=int, default=5000, help="of MLflow (default: 5000)")
    options = parser.parse_args(arguments)
    folder = Path(options.folder).resolve()
    with postgres(folder) as database, mlflow_server(database, folder / "artifacts", port=options.port) as uri:
        console.OUT.print(f"MLflow on {uri}, its database is {database} (Ctrl-C stops both)", soft_wrap=True)
        console.OUT.print(f"export MLFLOW_TRACKING_URI={uri}", soft_wrap=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    return 0


if __name__ == "__main__":
    console.run(main)
