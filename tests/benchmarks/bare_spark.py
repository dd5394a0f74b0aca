"""A Spark session as the streaming job has it, without a query.

Writes SHELFCAST_READY_FILE, then waits for SIGTERM.
"""

import os
import signal
from pathlib import Path

from stream_jobs.session import spark_session
from stream_jobs.settings import load_job_settings


def main() -> None:
    with spark_session("bare", load_job_settings("sales")):
        Path(os.environ["SHELFCAST_READY_FILE"]).write_text("ready\n")
        signal.sigwait({signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main()
