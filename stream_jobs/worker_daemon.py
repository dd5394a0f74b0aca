"""The parent of Spark's Python workers on each machine.

It is PySpark's own daemon with the sink already imported, so a worker that is forked from it
starts within milliseconds instead of seconds. Spark ends workers that were idle for a minute:
the first sale after a quiet time would wait for the imports.
"""

from pyspark import daemon

from stream_jobs import sink

__all__ = ["sink"]

if __name__ == "__main__":
    daemon.manager()
