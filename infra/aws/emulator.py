"""Installs MiniStack, which plays AWS on this machine: `python -m infra.aws.emulator`.

It runs functions in its own Python, so that has to be Lambda's. Where this machine has none it
says so, installs nothing and fails nothing: what needs it is skipped.
"""

import subprocess
import sys
from pathlib import Path

from infra.aws import package
from infra.local import interpreters

LOCK = Path(__file__).with_name("emulator.txt")
FOLDER = package.PROJECT / ".venv-aws"


def main() -> None:
    """Install it from its lock."""
    python = interpreters.find(package.PYTHON, interpreters.candidates(package.PYTHON))
    if python is None:
        print(f"No Python {package.PYTHON} here: no deployment is tried on a stand-in of AWS")
        return
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "-q", "--clear", "--python", python, FOLDER], check=True)
    inside = FOLDER / "bin" / "python"
    subprocess.run(
        [uv, "pip", "sync", "-q", "--python", inside, "--require-hashes", LOCK], check=True
    )
    (FOLDER / ".installed").touch()


if __name__ == "__main__":
    main()
