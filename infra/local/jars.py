"""The jars of the Kafka broker and of Spark's Kafka connector, exactly as locked.

Two sets, because each brings its own version of kafka-clients: `kafka` is a whole broker,
`spark` is what PySpark lacks to read Kafka. Two more are fetched when they are first asked for:
`tools`, Kafka's own console clients, for tests; and `metrics`, for the image, which tells
Prometheus what the broker counts. `jars.lock.json` names every jar with its
SHA-256. A jar is in its place only after its digest was found right, and is checked again
each time, so a damaged one is fetched anew and a wrong one is never loaded.
`python -m infra.local.jars` fetches what is missing and shows its progress.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

LOCK = Path(__file__).with_name("jars.lock.json")
FETCHES_AT_ONCE = 8
FOR_TESTS = "tools"
FOR_IMAGE = "metrics"
Progress = Callable[[int, int], None]


class JarUnavailable(Exception):
    """A locked jar could not be had, or what was served is not what was locked."""


@dataclass(frozen=True, order=True)
class Jar:
    """One locked jar: its Maven coordinates and the SHA-256 of its bytes."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        """The file's name, in Maven's manner."""
        return f"{self.artifact}-{self.version}.jar"

    @property
    def coordinates(self) -> str:
        """The name by which a Maven resolver knows the jar."""
        return f"{self.group}:{self.artifact}:{self.version}"


def folder() -> Path:
    """Where the jars are kept: SHELFCAST_JARS, or `.jars` at the root of the project."""
    chosen = os.environ.get("SHELFCAST_JARS")
    return (Path(chosen) if chosen else Path(__file__).parents[2] / ".jars").absolute()


def locked() -> dict[str, list[Jar]]:
    """The lock: for each set its jars."""
    sets = json.loads(LOCK.read_text())
    return {name: [Jar(**jar) for jar in jars] for name, jars in sets.items()}


def class_path(name: str) -> list[Path]:
    """The jars of the set, present and verified; JarUnavailable when they can't be had."""
    jars = locked()[name]
    _ensure([folder() / name / jar.filename for jar in jars], jars, lambda _done, _total: None)
    return [folder() / name / jar.filename for jar in jars]


def fetch(progress: Progress) -> None:
    """Put every jar of the local stack in its place; `progress` gets (jars in place, all jars)."""
    places = [
        (folder() / name / jar.filename, jar)
        for name, jars in locked().items()
        for jar in jars
        if name not in (FOR_TESTS, FOR_IMAGE)
    ]
    _ensure([place for place, _ in places], [jar for _, jar in places], progress)


def _ensure(places: Iterable[Path], jars: Iterable[Jar], progress: Progress) -> None:
    wanted = list(zip(places, jars, strict=True))
    missing = [(place, jar) for place, jar in wanted if not _is_right(place, jar)]
    done = len(wanted) - len(missing)
    progress(done, len(wanted))
    if not missing:
        return
    folder().mkdir(parents=True, exist_ok=True)
    # Beside the jars, so that moving one into place is a rename on one file system.
    with (
        tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder()) as scratch,
        ThreadPoolExecutor(FETCHES_AT_ONCE) as pool,
    ):
        for _ in pool.map(lambda one: _place(one[0], one[1], Path(scratch)), missing):
            done += 1
            progress(done, len(wanted))


def _is_right(path: Path, jar: Jar) -> bool:
    return path.is_file() and sha256(path) == jar.sha256


def _place(place: Path, jar: Jar, scratch: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    fetched = _from_maven_cache(jar, scratch) or _download(jar, scratch)
    digest = sha256(fetched)
    if digest != jar.sha256:
        raise JarUnavailable(
            f"{jar.coordinates} was served with SHA-256 {digest}, but {LOCK.name} says "
            f"{jar.sha256}: do not use it; ask whoever serves your Maven artifacts"
        )
    fetched.replace(place)


def _from_maven_cache(jar: Jar, scratch: Path) -> Path | None:
    """A copy of the jar from the user's own Maven cache, when that holds the right one."""
    from jgo.config import GlobalSettings

    cached = (
        Path(GlobalSettings.load().repo_cache)
        / jar.group.replace(".", "/")
        / jar.artifact
        / jar.version
        / jar.filename
    )
    if not _is_right(cached, jar):
        return None
    return Path(shutil.copyfile(cached, scratch / f"{jar.sha256}.jar"))


def _download(jar: Jar, scratch: Path) -> Path:
    import stamina
    from requests import RequestException

    @stamina.retry(on=RequestException, attempts=4, timeout=120)
    def attempt() -> Path:
        # A cache of its own each time: the resolver takes a half-written file for a whole one.
        cache = Path(tempfile.mkdtemp(dir=scratch))
        return Path(maven(cache).create_dependency(jar.coordinates).artifact.resolve())

    try:
        return attempt()
    except (RequestException, RuntimeError) as error:
        raise JarUnavailable(
            f"{jar.coordinates} could not be fetched ({type(error).__name__}): check the network, "
            f"or set your Maven mirror as a repository in jgo's config file, and try again"
        ) from error


def maven(cache: Path):  # type: ignore[no-untyped-def]  # jgo's types are its own affair
    """A Maven resolver that keeps its files in `cache` and honours the user's jgo settings."""
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext

    repositories = {"central": MAVEN_CENTRAL_URL} | GlobalSettings.load().repositories
    return MavenContext(repo_cache=cache, remote_repos=repositories, timeout=60)


def sha256(path: Path) -> str:
    """The SHA-256 of the file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    """Fetch every locked jar that is missing, and say so on stderr as it goes."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("Fetching Kafka and Spark jars", total=None)
        try:
            fetch(lambda done, total: bar.update(task, completed=done, total=total))
        except JarUnavailable as error:
            raise SystemExit(f"jars: {error}") from error


if __name__ == "__main__":
    main()
