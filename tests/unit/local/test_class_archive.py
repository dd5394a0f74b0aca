from pathlib import Path

import pytest

from infra.local import class_archive, class_archive_maker


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of jars, and no Java of somebody's own."""
    monkeypatch.setenv("SHELFCAST_JARS", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return tmp_path


def made() -> Path:
    archive = class_archive.place()
    archive.parent.mkdir(exist_ok=True)
    archive.touch()
    return archive


def test_a_jvm_without_an_archive_starts_as_ever(jars: Path):
    assert class_archive.options() == []


def test_a_jvm_starts_from_the_archive_beside_the_jars(jars: Path):
    archive = made()

    assert f"-XX:AOTCache={archive}" in class_archive.options()
    assert archive.is_relative_to(jars)


def test_a_java_of_somebodys_own_gets_no_archive(jars: Path, monkeypatch: pytest.MonkeyPatch):
    made()
    monkeypatch.setenv("JAVA_HOME", "/usr/lib/jvm/java-17")

    assert class_archive.options() == []


def test_other_jars_have_another_archive(
    jars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    before = made()
    lock = tmp_path / "jars.lock.json"
    lock.write_text("{}")
    monkeypatch.setattr("infra.local.jars.LOCK", lock)

    assert class_archive.place() != before
    assert class_archive.options() == []


def test_an_archive_that_is_there_is_not_made_again(jars: Path, monkeypatch: pytest.MonkeyPatch):
    made()
    monkeypatch.setattr(class_archive_maker, "make", lambda: pytest.fail("made again"))

    class_archive_maker.main()


def test_an_archive_that_is_not_made_is_told_and_harms_nothing(
    jars: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(class_archive_maker, "run", lambda home, archive: None)

    class_archive_maker.main()

    assert "no class archive, so Kafka starts slower: the broker's JVM ended without" in (
        capsys.readouterr().err
    )
    assert class_archive.options() == []
    assert not list(jars.glob("archives/.make-*"))


def test_an_archive_is_moved_into_place_whole(jars: Path, monkeypatch: pytest.MonkeyPatch):
    def run(home: Path, archive: Path) -> None:
        archive.write_bytes(b"classes")
        assert class_archive.options() == []

    monkeypatch.setattr(class_archive_maker, "run", run)

    class_archive_maker.main()

    assert class_archive.place().read_bytes() == b"classes"
