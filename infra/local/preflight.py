"""Check that this machine can install and run Shelfcast; give each obstacle with its remedy.

Run as a script before anything is installed, so it needs the standard library alone, and
keeps to a syntax that a Python too old for Shelfcast can read: it must live to say so.
"""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys

OLDEST, NEWEST = (3, 11), (3, 13)
GIB = 1 << 30
MEMORY_NEEDED = 3 * GIB  # Ray, Spark, Kafka and Postgres together
DISK_TO_INSTALL = 4 * GIB
DISK_TO_RUN = 1 * GIB
BAD_INPUT = 2  # the exit code, as for a wrong argument


def python_problem(version: "tuple[int, ...]") -> "str | None":
    """Whether this Python is too old or too new."""
    if OLDEST <= tuple(version[:2]) <= NEWEST:
        return None
    found = ".".join(map(str, version[:2]))
    return (
        f"Python {found} is not supported (3.11, 3.12 and 3.13 are): "
        "install one of these and run `make install PYTHON=python3.13`"
    )


def platform_problem(system: str, machine: str, libc: str) -> "str | None":
    """Whether a dependency offers nothing for this kind of machine."""
    if system == "Darwin" and machine == "x86_64":
        return "Ray has no builds for Macs with Intel processors: use an Apple silicon Mac or Linux"
    if system not in ("Linux", "Darwin"):
        return f"{system} is not supported: use Linux, macOS, or Linux under WSL 2"
    if system == "Linux" and libc != "glibc":
        return "Ray has no builds for a Linux without glibc, such as Alpine: use Debian or the like"
    if machine not in ("x86_64", "aarch64", "arm64"):
        return f"Ray has no builds for {machine} processors: use an x86-64 or arm64 machine"
    return None


def memory_problem(available: "int | None") -> "str | None":
    """Whether too little memory is free; unknown is taken as enough."""
    if available is None or available >= MEMORY_NEEDED:
        return None
    return (
        f"{available / GIB:.1f} GiB of memory are free and the stack needs about "
        f"{MEMORY_NEEDED / GIB:.0f} GiB: close other programs, or raise the container's limit"
    )


def disk_problem(free: int, needed: int, folder: str) -> "str | None":
    """Whether too little space is free where the folder is."""
    if free >= needed:
        return None
    return (
        f"{free / GIB:.1f} GiB are free on the disk of {folder} and about "
        f"{needed / GIB:.0f} GiB are needed: free some, or work on another disk"
    )


def venv_problem(missing: "list[str]") -> "str | None":
    """Whether this Python came without what makes a virtual environment."""
    if not missing:
        return None
    return (
        f"this Python lacks {' and '.join(missing)}, which virtual environments need: "
        f"on Debian or Ubuntu run `apt-get install python3-venv`, else reinstall Python"
    )


def problems(folder: str, installed: bool) -> "list[str]":
    """Every obstacle found on this machine; empty when there is none."""
    needed = DISK_TO_RUN if installed else DISK_TO_INSTALL
    lacking = [name for name in ("venv", "ensurepip") if not importlib.util.find_spec(name)]
    found = [
        python_problem(tuple(sys.version_info[:2])),
        platform_problem(platform.system(), platform.machine(), platform.libc_ver()[0]),
        memory_problem(available_memory()),
        disk_problem(shutil.disk_usage(folder).free, needed, folder),
        None if installed else venv_problem(lacking),
    ]
    return [problem for problem in found if problem]


def available_memory() -> "int | None":
    """Bytes that programs could still get, within the container's limit; None if unknown."""
    if platform.system() == "Darwin":
        return _mac_memory()
    left = []
    text = _read("/proc/meminfo")
    found = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.M)
    if found:
        left.append(int(found.group(1)) * 1024)
    limit, used = _read("/sys/fs/cgroup/memory.max"), _read("/sys/fs/cgroup/memory.current")
    if limit.strip().isdigit() and used.strip().isdigit():
        # What the kernel only caches is counted as used, but is given back on demand.
        cached = re.search(r"^inactive_file (\d+)", _read("/sys/fs/cgroup/memory.stat"), re.M)
        left.append(int(limit) - int(used) + (int(cached.group(1)) if cached else 0))
    return min(left) if left else None


def _mac_memory() -> "int | None":
    try:
        output = subprocess.check_output(["/usr/bin/vm_stat"], universal_newlines=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    size = re.search(r"page size of (\d+) bytes", output)
    pages = re.findall(r"^Pages (?:free|inactive|speculative|purgeable):\s+(\d+)", output, re.M)
    return int(size.group(1)) * sum(map(int, pages)) if size and pages else None


def _read(path: str) -> str:
    try:
        with open(path) as file:  # noqa: PTH123 - the plain way, for any Python
            return file.read()
    except OSError:
        return ""  # not that kind of system


def main() -> None:
    """Print one line for each obstacle; exit 2 if there is one."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    installed = os.path.exists(os.path.join(root, ".venv", ".installed"))  # noqa: PTH110, PTH118
    found = problems(root, installed)
    for problem in found:
        print("preflight: " + problem, file=sys.stderr)
    if found:
        sys.exit(BAD_INPUT)


if __name__ == "__main__":
    main()
