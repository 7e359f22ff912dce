"""Seeds of a latent-space optimization as tasks on a Ray cluster.

A given decoder travels with the tasks, so its folder need not be on storage that the nodes share. A decoder that is
trained for a seed is trained, and kept, on the node where the seed runs.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import ray
from ray.exceptions import RayError
from ray.util.queue import Empty, Queue
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from lso.plan import Plan
from lso.record import Rows
from lso.worker import Lost, Message, Over, work
from lso.workers import Starter, Workers
from methods.core.errors import BadInput
from orchestrator.running import cluster
from orchestrator.running.stop import Stop

_FILES = ("trial.json", "method.safetensors")  # what `pipelines.artifact` reads


class Seeds:
    """A task of one core for every seed at work; what they tell comes through a queue on this machine.

    Ray starts no task again by itself: a seed whose node died begins with what the record has by then.

    Args:
        plan: what is run.
        stop: checked between two messages.
    """

    def __init__(self, plan: Plan, stop: Stop) -> None:
        cluster.slots(1, 0)  # or an error: there is no core
        self.count = plan.seeds  # Ray keeps those waiting that find no core yet, and a cluster that may grow does
        self._plan, self._stop = plan, stop
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._messages = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})
        self._files = ray.put(read(plan.decoder))
        self._tasks: dict[int, ray.ObjectRef] = {}
        self._begun: dict[int, int] = {}

    def start(self, seed: int, earlier: Rows) -> None:
        self._begun[seed] = self._begun.get(seed, 0) + 1
        tell = partial(_tell, self._messages, self._begun[seed])
        remote = ray.remote(num_cpus=1, max_retries=0)(run_task)
        self._tasks[seed] = remote.remote(self._plan, seed, earlier, tell, self._files)

    def next(self) -> Message:
        while True:
            self._stop.check()
            try:
                dead = self._dead()  # before the look at the queue: all that it told is there then
                message = self._take(0.5)
            except RayError as error:
                raise BadInput(f"Ray does not answer any more ({_first_sentence(error)})") from error
            if isinstance(message, Over):
                self._tasks.pop(message.seed, None)
            if message is not None:
                return message
            if dead is not None:
                del self._tasks[dead.seed]
                return dead

    def rest(self) -> Iterator[Message]:
        with contextlib.suppress(RayError):
            while (message := self._take(0.2)) is not None:
                yield message

    def end(self) -> None:
        """Those at work."""
        for task in self._tasks.values():
            with contextlib.suppress(RayError):
                ray.cancel(task, force=True)

    def _take(self, seconds: float) -> Message | None:
        """The next message; those of an earlier start of its seed, whose node was taken for dead, are dropped."""
        with contextlib.suppress(Empty):
            while True:
                begun, seed, message = self._messages.get(timeout=seconds)
                if begun == self._begun[seed]:
                    return message
        return None

    def _dead(self) -> Lost | None:
        """A seed whose task ended without a word."""
        for seed, task in self._tasks.items():
            if ray.wait([task], timeout=0)[0]:
                try:
                    ray.get(task)
                except RayError as error:
                    return Lost(seed, f"its Ray worker died ({_first_sentence(error)})")
        return None


def on_ray(address: str) -> Starter:
    """Workers on the Ray cluster at `address`.

    Raises:
        BadInput: when they start: no such cluster, or one without a core.
    """
    return partial(_on_ray, address)


@contextlib.contextmanager
def _on_ray(address: str, plan: Plan) -> Iterator[Workers]:
    with Stop() as stop, cluster.started(address):
        workers = Seeds(plan, stop)
        try:
            yield workers
        finally:
            workers.end()


def run_task(
    plan: Plan, seed: int, earlier: Rows, tell: Callable[[int, Message], None], files: Mapping[str, bytes]
) -> None:
    """The body of a task: `lso.worker.work` with the decoder's files, wherever this is."""
    with tempfile.TemporaryDirectory(prefix="latent-orchestra-") as folder:
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
        work(plan, seed, earlier, partial(tell, seed), files=Path(folder) if files else None)


def _tell(messages: Queue, begun: int, seed: int, message: Message) -> None:
    messages.put((begun, seed, message))


def read(decoder: str | None) -> dict[str, bytes]:
    """The files of a decoder; none of one that is trained where it is used.

    Raises:
        BadInput: they are not there.
    """
    try:
        return {name: (Path(decoder) / name).read_bytes() for name in _FILES} if decoder else {}
    except OSError as error:
        raise BadInput(f"no saved method in {decoder}: {error.strerror or error}") from error


def _first_sentence(error: RayError) -> str:
    return str(error).strip().splitlines()[0].partition(". ")[0]
