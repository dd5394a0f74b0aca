from pathlib import Path

import pytest

from infra.docker.slim import UNUSED, slim


def fill(folder: Path) -> None:
    for pattern in UNUSED:
        path = folder / pattern.replace("*", "x")
        path.mkdir(parents=True)
        (path / "inside").touch()
    (folder / "pandas/tests/io/tests").mkdir(parents=True)
    (folder / "pandas/core.py").touch()


def test_only_what_is_named_and_tests_of_packages_go(tmp_path: Path):
    fill(tmp_path)

    slim(tmp_path)

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["core.py"]
    assert not (tmp_path / "pandas/tests").exists()


def test_what_a_new_version_no_longer_has_ends_the_build(tmp_path: Path):
    fill(tmp_path)
    (tmp_path / "ray/jars/inside").unlink()
    (tmp_path / "ray/jars").rmdir()

    with pytest.raises(LookupError, match="there is no ray/jars"):
        slim(tmp_path)
