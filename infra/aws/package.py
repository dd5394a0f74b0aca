"""The Lambdas' zip: `python -m infra.aws.package [FILE]`, or `make lambda-zip`.

It holds what publishing an event takes and nothing else: this project's modules that the host
imports, and the wheels of `requirements.txt` here, for the Python and the platform that Lambda
has, whatever this machine is. The same input gives the same bytes, so that a deployment of what
has not changed changes nothing. Lambda can't keep compiled code, so every cold start would
compile all of it again: where this machine has Lambda's Python it is compiled here.
"""

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from infra.local import interpreters

PROJECT = Path(__file__).parents[2]
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
ZIP = PROJECT / "build" / "lambda.zip"
PYTHON = "3.13"
PLATFORM = "x86_64-manylinux_2_28"  # what runs on Lambda's Amazon Linux 2023, glibc 2.34
MAX_MB = 10  # a cold start fetches it whole
PACKAGES = ("events", "functions", "infra")
# The host, and what it imports once somebody asks over HTTP.
ENTRIES = (
    "infra.hosts.aws_lambda",
    "functions.api.retraining",
    "functions.api.faults",
    "functions.known_strategy",
)
FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # the earliest date in a zip
NEVER_READ = {".pyi", ".pyx", ".pxd", ".c", ".h"}
COMPILE = "import compileall, sys; sys.exit(not compileall.compile_dir(sys.argv[1], quiet=1, \
stripdir=sys.argv[1], prependdir='/var/task', workers=1, \
invalidation_mode=__import__('py_compile').PycInvalidationMode.UNCHECKED_HASH))"


class TooLarge(Exception):
    """The zip is larger than allowed."""


def own_modules() -> list[Path]:
    """The files of this project that the entries import, themselves included."""
    script = f"import sys, {', '.join(ENTRIES)}\n" + (
        "print(*(m.__file__ for m in list(sys.modules.values()) if getattr(m, '__file__', 0)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PROJECT
    )
    found = {Path(file) for file in done.stdout.split()}
    return sorted(
        file for file in found if any(file.is_relative_to(PROJECT / name) for name in PACKAGES)
    )


def build(target: Path = ZIP) -> bool:
    """Write the zip; return whether it has compiled code. Raises TooLarge."""
    compiler = interpreters.find(PYTHON, interpreters.candidates(PYTHON))
    with tempfile.TemporaryDirectory(prefix="shelfcast-lambda-") as name:
        folder = Path(name)
        _install(folder)
        for file in own_modules():
            copy = folder / file.relative_to(PROJECT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
        if compiler is not None:
            subprocess.run([compiler, "-I", "-c", COMPILE, folder], check=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        _zip(folder, target)
    if (size := megabytes(target)) > MAX_MB:
        raise TooLarge(f"{target.name}: {size:.1f} MB; at most {MAX_MB}: remove unneeded files")
    return compiler is not None


def megabytes(file: Path) -> float:
    """Of 1,000,000 bytes."""
    return file.stat().st_size / 1e6


def _install(folder: Path) -> None:
    wheels = ["--only-binary", ":all:", "--no-deps", "--require-hashes"]
    where = ["--python-version", PYTHON, "--python-platform", PLATFORM, "--target"]
    uv = Path(sys.executable).with_name("uv")
    subprocess.run(
        [uv, "pip", "install", "-q", *wheels, "-r", REQUIREMENTS, *where, folder], check=True
    )


def _kept(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        within = file.relative_to(folder).parts
        of_a_wheel = within[0].endswith(".dist-info")
        if (
            file.is_file()
            and file.suffix not in NEVER_READ
            and within[0] not in ("bin", ".lock")
            # Of a wheel's own papers only what says what it is, and under which licence.
            and (not of_a_wheel or file.name == "METADATA" or "licenses" in within)
        ):
            yield file


def _zip(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in _kept(folder):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), FIRST_DAY)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())


def main() -> None:
    """Build the zip and print its size."""
    target = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else ZIP
    compiled = build(target)
    shown = target.relative_to(PROJECT) if target.is_relative_to(PROJECT) else target
    print(f"{shown}: {megabytes(target):.1f} MB" + (", compiled" if compiled else ""))
    if not compiled:
        print(f"This machine has no Python {PYTHON}: each cold start compiles anew, 0.4 s more")


if __name__ == "__main__":
    main()
