"""What Spark's pods become, from what Spark tells them."""

import zipfile
from pathlib import Path

import pyspark
import pytest

from infra.kubernetes.spark_entry import BACKEND, OPTIONS, command

HOME = Path("/opt/spark")
EXECUTOR = {
    "JAVA_HOME": "/opt/java",
    "SPARK_EXECUTOR_MEMORY": "1g",
    "SPARK_EXECUTOR_ID": "7",
    "SPARK_EXECUTOR_CORES": "2",
    "SPARK_EXECUTOR_POD_IP": "10.0.0.7",
    "SPARK_EXECUTOR_POD_NAME": "sales-exec-7",
    "SPARK_DRIVER_URL": "spark://CoarseGrainedScheduler@driver:7078",
    "SPARK_APPLICATION_ID": "spark-1",
    "SPARK_RESOURCE_PROFILE_ID": "0",
    "SPARK_CLASSPATH": "/opt/jars/spark/*",
    "SPARK_JAVA_OPT_10": "-Dten=10",
    "SPARK_JAVA_OPT_2": "-Dtwo=2 words",
}


def test_a_driver_submits_what_spark_hands_it_from_its_own_address():
    given = ["driver", "--properties-file", "/opt/spark/conf/spark.properties", "local:///sales.py"]

    found = command(given, {"SPARK_DRIVER_BIND_ADDRESS": "10.0.0.5"}, HOME)

    assert found[0] == "/opt/spark/bin/spark-submit"
    assert found[-3:] == given[1:]
    assert "spark.driver.bindAddress=10.0.0.5" in found
    assert found[found.index("--deploy-mode") + 1] == "client"


def test_an_executor_is_java_with_the_connectors_jars_before_sparks():
    found = command(["executor"], EXECUTOR, HOME)

    assert found[0] == "/opt/java/bin/java"
    assert found[1:3] == ["-Dtwo=2 words", "-Dten=10"]  # by number, and each one word
    assert found[found.index("-cp") + 1] == "/opt/jars/spark/*:/opt/spark/jars/*"
    after = found[found.index(BACKEND) + 1 :]
    told = dict(zip(after[::2], after[1::2], strict=True))
    assert told == {
        "--driver-url": "spark://CoarseGrainedScheduler@driver:7078",
        "--executor-id": "7",
        "--cores": "2",
        "--app-id": "spark-1",
        "--hostname": "10.0.0.7",
        "--resourceProfileId": "0",
        "--podName": "sales-exec-7",
    }


def test_what_spark_has_not_said_is_named():
    with pytest.raises(KeyError, match="SPARK_DRIVER_URL"):
        command(["executor"], {k: v for k, v in EXECUTOR.items() if "URL" not in k}, HOME)


def test_another_word_is_refused():
    with pytest.raises(ValueError, match="'bash': the first word is to be driver or executor"):
        command(["bash"], {}, HOME)


def test_what_it_reads_and_runs_is_what_the_locked_spark_says_and_has():
    (jar,) = (Path(pyspark.__file__).parent / "jars").glob("spark-kubernetes_*.jar")
    with zipfile.ZipFile(jar) as archive:
        assert BACKEND.replace(".", "/") + ".class" in archive.namelist()
        code = b"".join(archive.read(name) for name in archive.namelist() if ".class" in name)
    told = {*EXECUTOR, "SPARK_DRIVER_BIND_ADDRESS", OPTIONS} - {"JAVA_HOME"}
    told = {name for name in told if not name.startswith(OPTIONS) or name == OPTIONS}
    for name in told | {word for word in command(["executor"], EXECUTOR, HOME) if word[:2] == "--"}:
        assert name.encode() in code, name
