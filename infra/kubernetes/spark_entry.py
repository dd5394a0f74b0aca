"""The entry point of Spark pods: `python -m infra.kubernetes.spark_entry driver|executor …`.

Spark starts its pods with these arguments and tells the rest by environment variables, as the
entry point of Spark's own image understands them. Ours has PySpark from its package, which comes
without that entry point.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

BACKEND = "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend"
OPTIONS = "SPARK_JAVA_OPT_"  # Spark numbers them from 0


def command(arguments: Sequence[str], environment: Mapping[str, str], home: Path) -> list[str]:
    """The program to become; ValueError for what is neither driver nor executor.

    KeyError names a variable that Spark should have set.
    """
    match list(arguments):
        case ["driver", *rest]:
            address = environment["SPARK_DRIVER_BIND_ADDRESS"]
            return [
                str(home / "bin" / "spark-submit"),
                *("--conf", f"spark.driver.bindAddress={address}"),
                *("--conf", f"spark.executorEnv.SPARK_DRIVER_POD_IP={address}"),
                *("--deploy-mode", "client"),
                *rest,
            ]
        case ["executor", *_]:
            return _executor(environment, home)
    raise ValueError(f"{' '.join(arguments)!r}: the first word is to be driver or executor")


def _executor(environment: Mapping[str, str], home: Path) -> list[str]:
    memory = environment["SPARK_EXECUTOR_MEMORY"]
    extra = environment.get("SPARK_CLASSPATH", "")  # of spark.executor.extraClassPath
    return [
        _java(environment),
        *_options(environment),
        f"-Xms{memory}",
        f"-Xmx{memory}",
        *("-cp", ":".join(filter(None, [extra, str(home / "jars" / "*")]))),
        BACKEND,
        *("--driver-url", environment["SPARK_DRIVER_URL"]),
        *("--executor-id", environment["SPARK_EXECUTOR_ID"]),
        *("--cores", environment["SPARK_EXECUTOR_CORES"]),
        *("--app-id", environment["SPARK_APPLICATION_ID"]),
        *("--hostname", environment["SPARK_EXECUTOR_POD_IP"]),
        *("--resourceProfileId", environment["SPARK_RESOURCE_PROFILE_ID"]),
        *("--podName", environment["SPARK_EXECUTOR_POD_NAME"]),
    ]


def _java(environment: Mapping[str, str]) -> str:
    home = environment.get("JAVA_HOME")
    return f"{home}/bin/java" if home else "java"


def _options(environment: Mapping[str, str]) -> list[str]:
    numbers = sorted(
        int(name.removeprefix(OPTIONS)) for name in environment if name.startswith(OPTIONS)
    )
    return [environment[f"{OPTIONS}{number}"] for number in numbers]


def main() -> None:
    """Become that program, so that signals reach it."""
    import pyspark

    home = Path(pyspark.__file__).parent
    os.environ.setdefault("SPARK_HOME", str(home))
    found = command(sys.argv[1:], os.environ, home)
    os.execvp(found[0], found)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
