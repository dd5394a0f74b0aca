from pathlib import Path

import pytest

from stream_jobs.session import JarsMissing, _local
from stream_jobs.settings import JobSettings


def options(folder: Path) -> dict[str, str]:
    return _local(JobSettings(_env_file=None, jars=folder), folder)


def test_the_connectors_jars_are_of_the_jvms_own_class_path(tmp_path: Path):
    names = ("spark-sql-kafka.jar", "kafka-clients.jar")
    for name in names:
        (tmp_path / "spark").mkdir(exist_ok=True)
        (tmp_path / "spark" / name).touch()

    found = options(tmp_path)

    jars = ":".join(str(tmp_path / "spark" / name) for name in sorted(names))
    assert found["spark.driver.extraClassPath"] == found["spark.executor.extraClassPath"] == jars
    assert "spark.jars" not in found, "no class archive helps a loader of their own"


def test_jars_that_are_missing_are_told(tmp_path: Path):
    with pytest.raises(JarsMissing, match="run `shelfcast up`"):
        options(tmp_path)
