"""The settings of a streaming job: those of every process, and Spark's own."""

from pathlib import Path

from pydantic import Field

from infra.settings import STACK_ENV, Settings

PROJECT = Path(__file__).parents[1]


class JobSettings(Settings):
    """The settings; the environment variable is the upper-case name with `SHELFCAST_` before it."""

    spark_master: str | None = Field(
        None, description="Spark's master; unset: what spark-submit says, else every local core."
    )
    spark_memory: str = Field("1g", description="Heap of the job's JVM.")
    checkpoints: str | None = Field(
        None, description="Folder or URI of the jobs' checkpoints; unset: `checkpoints` in home."
    )
    jars: Path = Field(
        PROJECT / ".jars", description="Its folder `spark` has the jars of Spark's Kafka connector."
    )
    ready_file: Path | None = Field(
        None, description="A file to renew while the job is at work; unset: none."
    )

    def checkpoint(self, query: str) -> str:
        """The checkpoint of one query."""
        return f"{self.checkpoints or self.home.absolute() / 'checkpoints'}/{query}"


def load_job_settings(user: str) -> JobSettings:
    """The settings as a process of the running stack sees them that is this user."""
    home = Settings(_env_file=None).home
    return JobSettings(_env_file=home / STACK_ENV).of(user)
