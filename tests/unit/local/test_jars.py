import hashlib
from pathlib import Path

import pytest

from infra.local import jars
from infra.local.jars import Jar, JarUnavailable

RIGHT = b"the right bytes"
JAR = Jar("org.example", "thing", "1.0", hashlib.sha256(RIGHT).hexdigest())


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the only locked jar belongs; a registry that serves it; no user's cache."""
    monkeypatch.setenv("SHELFCAST_JARS", str(tmp_path))
    monkeypatch.setattr(jars, "locked", lambda: {"set": [JAR]})
    monkeypatch.setattr(jars, "_from_maven_cache", lambda _jar, _scratch: None)
    serve(monkeypatch, RIGHT)
    return tmp_path / "set" / "thing-1.0.jar"


def serve(monkeypatch: pytest.MonkeyPatch, content: bytes | None) -> None:
    def download(jar: Jar, scratch: Path) -> Path:
        assert content is not None, "nothing should be fetched"
        served = scratch / jar.filename
        served.write_bytes(content)
        return served

    monkeypatch.setattr(jars, "_download", download)


def test_a_missing_jar_is_fetched(place: Path) -> None:
    assert jars.class_path("set") == [place]
    assert place.read_bytes() == RIGHT


def test_a_present_jar_is_not_fetched_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.parent.mkdir()
    place.write_bytes(RIGHT)
    serve(monkeypatch, None)

    assert jars.class_path("set") == [place]


def test_a_damaged_jar_is_fetched_anew(place: Path) -> None:
    place.parent.mkdir()
    place.write_bytes(b"the rig")

    jars.class_path("set")

    assert place.read_bytes() == RIGHT


def test_a_jar_that_is_not_the_locked_one_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, b"other bytes")

    with pytest.raises(JarUnavailable, match=r"org\.example:thing:1\.0 .*SHA-256"):
        jars.class_path("set")

    assert not place.exists()
    assert list(place.parent.parent.glob(".fetch-*")) == []


def test_progress_counts_to_the_end(place: Path) -> None:
    seen: list[tuple[int, int]] = []

    jars.fetch(lambda done, total: seen.append((done, total)))

    assert seen == [(0, 1), (1, 1)]


def test_what_only_tests_run_is_fetched_when_it_is_asked_for(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jars, "locked", lambda: {"set": [], "tools": [JAR]})
    jars.fetch(lambda _done, _total: None)
    assert list(place.parents[1].rglob("*.jar")) == []
    assert jars.class_path("tools")[0].read_bytes() == RIGHT


def test_the_lock_names_each_jar_once_and_no_host() -> None:
    text = jars.LOCK.read_text()

    for locked in jars.locked().values():
        assert len({jar.filename for jar in locked}) == len(locked)
        assert all(len(jar.sha256) == 64 for jar in locked)
    assert "://" not in text
