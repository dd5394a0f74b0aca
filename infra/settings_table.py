"""The one table of every setting."""

from pathlib import Path

from pydantic.fields import FieldInfo

from infra.hosts.lambda_settings import LambdaSettings
from infra.settings import Settings
from stream_jobs.settings import JobSettings


def every_setting() -> dict[str, FieldInfo]:
    """The settings of every process by name; only a Lambda has more."""
    return {**Settings.model_fields, **JobSettings.model_fields}


def default_of(field: FieldInfo) -> str:
    """The default as a variable would have it; empty where there is none."""
    return str(field.default) if field.default else ""


def settings_table() -> str:
    """The document, from the settings' own descriptions."""
    fields = {**every_setting(), **LambdaSettings.model_fields}
    rows = [
        f"| `SHELFCAST_{name.upper()}` | {_default(field.default)} | {field.description} |"
        for name, field in fields.items()
    ]
    return "\n".join(
        [
            "# Settings",
            "",
            "Written by `make docs`. Every process reads them from the",
            "environment; what it leaves open comes from `stack.env` in the state folder, which",
            "`shelfcast up` writes. What is secret can be a file instead, in the folder that",
            "`SHELFCAST_SECRETS_DIR` names, called like its variable in lower case. Of several",
            "folders, with colons between them, the last that has it counts.",
            "",
            "| variable | default | what it is |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    )


def _default(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Path) and value.is_absolute():
        return f"`{value.name}` in the project"
    return f"`{value}`"
