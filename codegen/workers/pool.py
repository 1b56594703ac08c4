"""A single map over workers: inline, in threads, or in processes.

Rules:

1. Results come in the items' order.
2. At most workers + `AHEAD` items are in flight, so that memory stays flat whatever the number
   of items.
3. Leaving the `with` block ends every thread and process, whatever they are doing.
4. A process is started anew, not forked, so that it is the same on every system. It is in a
   process group of its own, which a terminal's Ctrl-C does not reach. It shares no memory, and
   gets tasks and items through a pipe.
5. A process has a single thread, and keeps the memory that it has freed for its next task.
"""

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from enum import StrEnum
from types import TracebackType
from typing import Any, Self, TypeVar

from ..errors import EnvironmentFailure

Item = TypeVar("Item")
Done = TypeVar("Done")

AHEAD = 2  # items in flight beyond the number of workers
MAX_WORKERS = 8  # workers by default: more of them would only wait for the parent
_PIPE_BYTES = 1 << 20  # Linux gives 64 KiB by default
_KEPT = 32 << 20  # bytes: glibc takes no more for its threshold
_SETTINGS = {
    # Rule 5. numpy's BLAS starts a thread per core, which spins, and multiplies nothing here.
    "OPENBLAS_NUM_THREADS": "1",
    # glibc gives back every array of 128 KiB at once, and the next one costs its page faults anew.
    "MALLOC_MMAP_THRESHOLD_": str(_KEPT),
    "MALLOC_TRIM_THRESHOLD_": str(2 * _KEPT),
}
"""The environment of a worker process, unless the user's own has them."""


class WorkerKind(StrEnum):
    """The kind of worker that does the work."""

    INLINE = "inline"
    THREADS = "threads"
    PROCESSES = "processes"


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def one_per_core() -> "Workers":
    """Processes, started when first needed; on a single core inline: they would take turns."""
    return Workers(WorkerKind.PROCESSES if cores() > 1 else WorkerKind.INLINE)


class Workers:
    """`count` workers of a kind; by default as many as cores, `MAX_WORKERS` at most.

    Nothing is started before the first `map` or `warm`. Tasks and items for processes must be
    picklable; a task is a function of a module with light imports. Several threads may map.
    """

    def __init__(self, kind: WorkerKind, count: int | None = None) -> None:
        self.count = 1 if kind is WorkerKind.INLINE else count or min(cores(), MAX_WORKERS)
        self._kind = kind
        self._starting = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._processes: list[_Process] = []
        self._idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()

    def map(self, task: Callable[[Item], Done], items: Iterable[Item]) -> Iterator[Done]:
        """`task` of each item, in order. `items` is consumed only as results are taken.

        Raises what `task` raises, and `EnvironmentFailure` if a worker process died.
        """
        if self._kind is WorkerKind.INLINE:
            return map(task, items)
        return self._spread(task, items)

    def warm(self, task: Callable[[Item], None], item: Item) -> None:
        """Start processes now, each with `task` of `item`: imports, and what is made once.

        Nobody waits for it. If it fails, what is mapped fails for the same reason.
        """
        if self._kind is not WorkerKind.PROCESSES:
            return
        threads = self._start()
        # The idle ones stand in a queue: each of them is taken once.
        for _ in self._processes:
            threads.submit(self._in_process, task, item)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all workers at once: they hold nothing that matters."""
        # Rule 3.
        for process in self._processes:
            process.end()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
            process.wait()
        self._threads, self._processes, self._idle = None, [], queue.SimpleQueue()

    def _spread(self, task: Callable[[Item], Done], items: Iterable[Item]) -> Iterator[Done]:
        threads = self._start()
        call = self._in_process if self._kind is WorkerKind.PROCESSES else _in_thread
        flying: deque[Future[Done]] = deque()
        try:
            for item in items:
                flying.append(threads.submit(call, task, item))
                if len(flying) == self.count + AHEAD:  # rule 2
                    yield flying.popleft().result()
            while flying:
                yield flying.popleft().result()
        finally:
            for future in flying:
                future.cancel()

    def _start(self) -> ThreadPoolExecutor:
        with self._starting:
            if self._threads is None:
                if self._kind is WorkerKind.PROCESSES:
                    # Those that an attempt before started, and then failed, are used.
                    for _ in range(self.count - len(self._processes)):
                        self._processes.append(_Process())
                        self._idle.put(self._processes[-1])
                # Last: with threads alone, another map would wait for ever for an idle process.
                self._threads = ThreadPoolExecutor(self.count, thread_name_prefix="mintmark")
            return self._threads

    def _in_process(self, task: Callable[[Item], Done], item: Item) -> Done:
        """Hand the item to an idle process, and wait for its answer. Runs in a thread."""
        process = self._idle.get()
        try:
            done: Done = process.call(task, item)
        finally:
            self._idle.put(process)
        return done


def _in_thread(task: Callable[[Item], Done], item: Item) -> Done:
    return task(item)


class _Process:
    """A worker process, used by a single thread at a time."""

    def __init__(self) -> None:
        # The parent may have been started by a script, with another `sys.path` than `-c` gives.
        paths = os.pathsep.join(path or os.getcwd() for path in sys.path)  # noqa: PTH109
        apart: dict[str, Any] = (
            {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined, unused-ignore]
            if os.name == "nt"
            else {"process_group": 0}
        )
        self._process = subprocess.Popen(  # noqa: S603 - this very interpreter
            # -P: no module is imported from the current folder.
            [sys.executable, "-P", "-c", f"from {__package__}.process import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**_SETTINGS, **os.environ, "PYTHONPATH": paths},
            pipesize=_PIPE_BYTES,
            **apart,
        )

    def call(self, task: Callable[[Any], Any], item: object) -> Any:  # noqa: ANN401 - the task's
        """`task(item)`, done in the process. Raises `EnvironmentFailure` if the process died."""
        source, sink = self._process.stdout, self._process.stdin
        # Not reached: both are pipes, see above. The types do not say so.
        if source is None or sink is None:
            raise ValueError("a process without pipes")
        try:
            pickle.dump((task, item), sink, pickle.HIGHEST_PROTOCOL)
            sink.flush()
            done, answer = pickle.load(source)  # noqa: S301 - our own child's
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            raise EnvironmentFailure(
                "a worker process was ended from outside",
                "memory may have run out: try again, with fewer --workers",
            ) from None
        if not done:
            raise answer
        return answer

    def end(self) -> None:
        """Kill the process."""
        self._process.kill()

    def wait(self) -> None:
        """Wait until the process is gone; then close its pipes."""
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            # Closing flushes, and what is still buffered has no reader any more.
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
