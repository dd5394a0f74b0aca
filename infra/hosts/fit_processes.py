"""Worker processes for fits, which never outlive their parent.

Guaranteed of a worker: it is a fresh process (spawned, so no lock or thread of the parent
is copied), it has imported prophet before its first task, its linear algebra uses one
thread, Ctrl-C is the parent's to handle, and it ends by itself when its parent dies,
even by SIGKILL. Its temporary files, Stan's included, are in one folder that is deleted with it.
"""

import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess

_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_REMOVALS = 50
_spawning = threading.Lock()


def process_pool(workers: int) -> ProcessPoolExecutor:
    """Return an executor of up to `workers` (at least 1) processes, started as tasks arrive.

    As with every spawned process, the caller's main module must be importable: a script
    needs its `if __name__ == "__main__"`.
    """
    if workers < 1:
        raise ValueError(f"{workers} workers can't fit anything; at least 1 is needed")
    return ProcessPoolExecutor(workers, mp_context=_Context(), initializer=_start_worker)


def start_all(pool: ProcessPoolExecutor, workers: int) -> None:
    """Start the pool's processes now rather than when the first fits are waiting for them."""
    from functions.forecasting.engines.stan.fit import warm_up

    for _ in range(workers):
        pool.submit(warm_up)


class _Worker(SpawnProcess):
    """A spawned process whose environment holds one thread per library.

    Numpy reads these variables when it is imported, which in a spawned process may be
    before any code of ours runs (it imports the main module first), so they are set here.
    """

    def start(self) -> None:
        with _one_thread_each():
            super().start()


class _Context(SpawnContext):
    """Spawns `_Worker` processes."""

    Process = _Worker


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Set the thread limits in this process's environment; restore it afterwards."""
    with _spawning:
        before = {name: os.environ.get(name) for name in _THREAD_LIMITS}
        os.environ.update(dict.fromkeys(_THREAD_LIMITS, "1"))
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _start_worker() -> None:
    """Runs first in each worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    folder = tempfile.mkdtemp(prefix="shelfcast-worker-")
    tempfile.tempdir = folder

    def leave(*_: object) -> None:
        for _attempt in range(_REMOVALS):
            # A fit that goes on meanwhile may put a file into a folder just emptied.
            shutil.rmtree(folder, ignore_errors=True)
            if not os.path.exists(folder):  # noqa: PTH110 - nothing more to import at the end
                break
            time.sleep(0.02)
        os._exit(1)

    signal.signal(signal.SIGTERM, leave)
    multiprocessing.util.Finalize(None, shutil.rmtree, (folder, True), exitpriority=0)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            leave()

        threading.Thread(target=follow, name="follow-parent", daemon=True).start()

    # cmdstanpy makes its temporary folder on import, so this comes after the folder's choice.
    from functions.forecasting.engines.stan.fit import warm_up

    warm_up()
