"""Remakes `jars.lock.json`: `python -m infra.local.jars_lock`, run by `make lock`.

Each root below is resolved separately: a root's managed
versions must not leak into another's closure (log4j manages another kafka-clients).
Where two roots of a set bring one artifact, the first root's version holds. Jars that
PySpark ships already are left out of the `spark` set.
"""

import json
import tempfile
from dataclasses import asdict
from pathlib import Path

from infra.local.jars import FOR_IMAGE, FOR_TESTS, LOCK, Jar, maven, sha256

ROOTS = {
    "kafka": [
        "org.apache.kafka:kafka_2.13:4.3.1",
        "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",  # or the broker logs nothing
    ],
    "spark": ["org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0"],
    # Without its closure: the console clients run with the jars of `kafka`.
    FOR_TESTS: ["org.apache.kafka:kafka-tools:4.3.1"],
    # What it needs is inside. Newer ones are called otherwise.
    FOR_IMAGE: ["io.prometheus.jmx:jmx_prometheus_httpserver:1.0.1"],
}
ALONE = (FOR_TESTS, FOR_IMAGE)


def resolve(roots: list[str], cache: Path, provided: set[str], alone: bool = False) -> list[Jar]:
    """The run-time closure of the roots without the files that are provided, in name order;
    only the roots if `alone` says so.
    """
    context = maven(cache)
    chosen: dict[tuple[str, str], Jar] = {}
    for root in roots:
        inputs, transitive = context.resolver.resolve([context.create_dependency(root)])
        for dependency in [*inputs, *([] if alone else transitive)]:
            key = (dependency.groupId, dependency.artifactId)
            name = f"{dependency.artifactId}-{dependency.version}.jar"
            if dependency.optional or key in chosen or name in provided:
                continue
            digest = sha256(dependency.artifact.resolve())
            chosen[key] = Jar(*key, dependency.version, digest)
    return sorted(chosen.values())


def main() -> None:
    """Resolve every set and write the lock; print what it holds."""
    import pyspark

    in_pyspark = {jar.name for jar in (Path(pyspark.__file__).parent / "jars").glob("*.jar")}
    provided = {"spark": in_pyspark}
    with tempfile.TemporaryDirectory() as cache:
        sets = {
            name: resolve(roots, Path(cache), provided.get(name, set()), name in ALONE)
            for name, roots in ROOTS.items()
        }
    lock = {name: [asdict(jar) for jar in jars] for name, jars in sets.items()}
    LOCK.write_text(json.dumps(lock, indent=2) + "\n")
    for name, jars in sets.items():
        print(f"{name}: {len(jars)} jars locked in {LOCK.name}")


if __name__ == "__main__":
    main()
