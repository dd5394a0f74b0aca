"""The Lambdas' zip: what is in it, what is not, and that it is the same again."""

import re
import zipfile
from pathlib import Path

import pytest

from infra.aws import package
from tests.deploy.tools import PROJECT

PIN = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


def test_the_zip_is_the_same_when_it_is_built_again(lambda_zip: Path, tmp_path: Path):
    again = tmp_path / "again.zip"
    package.build(again)

    assert again.read_bytes() == lambda_zip.read_bytes()


def test_the_zip_is_small(lambda_zip: Path):
    print(f"lambda.zip: {package.megabytes(lambda_zip):.1f} MB")
    assert package.megabytes(lambda_zip) <= package.MAX_MB


def test_a_zip_that_is_too_large_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(package, "MAX_MB", 0.1)
    monkeypatch.setattr(package, "_install", lambda _: None)
    with pytest.raises(package.TooLarge, match=r"lambda\.zip: 0\.\d MB; at most 0\.1"):
        package.build(tmp_path / "lambda.zip")


def test_the_zip_has_the_handlers_and_what_they_import_and_nothing_else(lambda_zip: Path):
    names = zipfile.ZipFile(lambda_zip).namelist()

    assert names == sorted(names, key=lambda name: Path(name).parts)
    for needed in (
        "infra/hosts/aws_lambda.py",
        "functions/api/retraining.py",
        "aiokafka/client.py",
    ):
        assert needed in names
    assert not [name for name in names if name.endswith((".pyi", ".pyx", ".c", ".h"))]
    tops = {name.partition("/")[0].partition(".")[0].partition("-")[0] for name in names}
    unwanted = {"pandas", "numpy", "ray", "boto3", "botocore", "fastapi", "sqlalchemy", "asyncpg"}
    assert not tops & (unwanted | {"stream_jobs", "tests", "bin"})
    assert "functions/planner/planner.py" not in names
    assert not [name for name in names if "/cli/" in name and name.startswith("infra/")]


def test_compiled_parts_are_for_the_python_and_the_machine_of_lambda(lambda_zip: Path):
    parts = [name for name in zipfile.ZipFile(lambda_zip).namelist() if name.endswith(".so")]

    assert any("pydantic_core" in name for name in parts)
    assert {name.partition(".")[2] for name in parts} == {"cpython-313-x86_64-linux-gnu.so"}


def test_the_lock_has_the_versions_of_the_systems_own_and_hashes():
    lock = package.REQUIREMENTS.read_text()
    own = dict(PIN.findall((PROJECT / "requirements.txt").read_text()))
    pins = dict(PIN.findall(lock))

    assert {"aiokafka", "pydantic", "pydantic-settings", "cramjam"} <= set(pins)
    assert pins == {name: own[name] for name in pins}
    assert lock.count("--hash=sha256:") >= len(pins)


@pytest.mark.parametrize("file", ["requirements.txt"])
def test_a_lock_says_no_address(file: str):
    assert "http" not in (PROJECT / "infra/aws" / file).read_text()
