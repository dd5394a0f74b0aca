"""The generated files: `make docs` writes them, `make lint` compares them.

`python -m infra.written [--check]`
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from events import asyncapi
from functions import diagram
from infra import settings_table
from infra.docker import env_example
from infra.kubernetes import manifests, rules, topics, users

PROJECT = Path(__file__).parents[1]

FILES: Mapping[str, Callable[[], str]] = {
    "README.md": lambda: diagram.drawn((PROJECT / "README.md").read_text(encoding="utf-8")),
    "docs/asyncapi.yaml": asyncapi.as_yaml,
    "docs/events.md": asyncapi.as_markdown,
    "docs/settings.md": settings_table.settings_table,
    ".env.example": env_example.example,
    "infra/kubernetes/base/topics.yaml": lambda: manifests.text(topics.manifests()),
    "infra/kubernetes/base/users.yaml": lambda: manifests.text(users.manifests()),
    "infra/kubernetes/components/monitoring/rules.yaml": lambda: manifests.text(rules.manifests()),
}


def old(project: Path = PROJECT) -> list[str]:
    """Return the files that are missing or outdated."""
    return [name for name, made in FILES.items() if _read(project / name) != made()]


def write(project: Path = PROJECT) -> None:
    """Write every file."""
    for name, made in FILES.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(made(), encoding="utf-8")


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None


def main() -> None:
    """Write the files; with `--check` exit with 1 and list the outdated ones."""
    if "--check" not in sys.argv:
        write()
    elif names := old():
        sys.exit(f"{', '.join(names)}: not as the code has it; run `make docs`")


if __name__ == "__main__":
    main()
