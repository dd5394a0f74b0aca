"""Runs one step of the installation, showing how far it is, and its output only if it fails.

`python step.py "Installing packages" COMMAND …`. On a terminal one line shows the seconds
gone and the last thing the command said; elsewhere there is a line when the step ends.
Needs the standard library alone, since it installs everything else.
"""

import subprocess
import sys
import threading
import time

TICK = 0.2  # seconds between two checks
WIDTH = 100


def main() -> None:
    """Run the command given as arguments, and exit with its exit code."""
    title, command = sys.argv[1], sys.argv[2:]
    begin = time.monotonic()
    said: list[str] = []
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    reader = threading.Thread(target=_collect, args=(process, said))
    reader.start()
    try:
        while reader.is_alive():
            reader.join(TICK)
            last = said[-1].strip() if said else ""
            _show(f"{title} … {time.monotonic() - begin:.0f} s  {last}")
        code = process.wait()
    except KeyboardInterrupt:
        process.terminate()
        sys.exit(130)
    _show("")
    if code != 0:
        print("".join(said), end="", file=sys.stderr)
        print(f"{title}: failed after {time.monotonic() - begin:.0f} s", file=sys.stderr)
    else:
        print(f"{title}: done in {time.monotonic() - begin:.1f} s", file=sys.stderr)
    sys.exit(code)


def _collect(process: "subprocess.Popen[str]", said: list[str]) -> None:
    for line in process.stdout or ():
        said.append(line)  # one by one, so that the last is there to be shown


def _show(text: str) -> None:
    """Replace the line on the terminal; nothing where there is none."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K" + text[:WIDTH])
        sys.stderr.flush()


if __name__ == "__main__":
    main()
