"""The settings of a Lambda, from its environment and from AWS's parameter and secret stores.

What the environment leaves open is read from the parameters under a path of the SSM Parameter
Store, and from the JSON object in a secret of Secrets Manager. Each is called like its variable
in lower case without the prefix (`kafka_bootstrap`). `kafka_ca` may stand among them: the text of
the PEM file that `kafka_ca_file` names elsewhere. They are kept for KEPT_SECONDS, since a
container lives for hours and a password may change; `forget` drops them at once.
"""

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from events.wording import in_words, place
from infra.settings import Settings

KEPT_SECONDS = 300.0
PREFIX = "SHELFCAST_"
CA_TEXT = "kafka_ca"
# The fields that Amazon MSK requires in a user's secret.
OTHER_NAMES = {"username": "kafka_username", "password": "kafka_password"}

ClientOf = Callable[[str], Any]


class BadSetting(ValueError):
    """The environment or AWS's stores have an invalid setting."""


class LambdaSettings(BaseSettings):
    """Settings that only a Lambda has."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    lambda_parameters: str | None = Field(
        None,
        description="Of a Lambda: path in the SSM Parameter Store, like `/shelfcast/prod`, under "
        "which parameters are named like settings in lower case: `kafka_bootstrap`, …",
    )
    lambda_secret: str | None = Field(
        None,
        description="Of a Lambda: name or ARN of a secret of Secrets Manager, a JSON object of "
        "settings; `username` and `password` are the broker's.",
    )
    lambda_alarm_topic: str | None = Field(
        None, description="Lambda only: ARN of the SNS topic that is notified of new dead letters."
    )


def aws_client(service: str) -> Any:
    """A client of an AWS service that gives up within seconds."""
    import boto3  # part of Lambda's runtime; importing takes 0.3 s, so only if needed
    from botocore.config import Config

    return boto3.client(
        service, config=Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})
    )


class StoredSettings:
    """The settings; read once, and again when they are old."""

    def __init__(
        self,
        client: ClientOf = aws_client,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
        folder: Path | None = None,
    ) -> None:
        self._client, self._environ, self._clock = client, environ, clock
        self._folder = folder or Path(gettempdir())  # the only place that a Lambda can write to
        self._kept: tuple[float, Settings] | None = None

    def __call__(self) -> Settings:
        """Return the settings; BadSetting names an invalid one."""
        if self._kept is None or self._clock() - self._kept[0] > KEPT_SECONDS:
            self._kept = self._clock(), self._read()
        return self._kept[1]

    def forget(self) -> None:
        """Discard them, so that the next call reads a changed password."""
        self._kept = None

    def _read(self) -> Settings:
        own = LambdaSettings(_env_file=None)
        found: dict[str, str] = {}
        if own.lambda_parameters:
            found |= _parameters(self._client("ssm"), own.lambda_parameters)
        if own.lambda_secret:
            found |= _secret(self._client("secretsmanager"), own.lambda_secret)
        if (text := found.pop(CA_TEXT, None)) is not None:
            found["kafka_ca_file"] = self._ca_file(text)
        left: dict[str, Any] = {
            n: v for n, v in found.items() if PREFIX + n.upper() not in self._environ
        }
        try:
            settings = Settings(_env_file=None, **left)
        except ValidationError as error:
            raise BadSetting(_explain(error)) from None
        if settings.kafka_bootstrap is None:
            raise BadSetting(
                f"{PREFIX}KAFKA_BOOTSTRAP is not set: set it, or name where it is kept with "
                f"{PREFIX}LAMBDA_PARAMETERS or {PREFIX}LAMBDA_SECRET"
            )
        return settings

    def _ca_file(self, text: str) -> str:
        file = self._folder / "shelfcast-kafka-ca.pem"
        file.write_text(text)
        return str(file)


def _parameters(ssm: Any, path: str) -> dict[str, str]:
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=path, WithDecryption=True)
    found = {
        each["Name"].rpartition("/")[2]: each["Value"]
        for page in pages
        for each in page["Parameters"]
    }
    where = f"{PREFIX}LAMBDA_PARAMETERS {path!r}"
    if not found:
        raise BadSetting(f"{where}: there is no parameter under that path; put them there")
    return _known(found, where)


def _secret(secrets: Any, name: str) -> dict[str, str]:
    where = f"{PREFIX}LAMBDA_SECRET {name!r}"
    try:
        found = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
    except (KeyError, ValueError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise BadSetting(
            f"{where}: is no JSON object of texts; write it like "
            '{"kafka_username": "…", "kafka_password": "…"}'
        )
    named = {str(OTHER_NAMES.get(key, key)): value for key, value in found.items()}
    return _known(named, where)


def _known(found: dict[str, str], where: str) -> dict[str, str]:
    names = {*Settings.model_fields, CA_TEXT}
    for name in found:
        if name not in names:
            close = get_close_matches(name, names, n=1)
            hint = f"did you mean {close[0]}? " if close else ""
            raise BadSetting(
                f"{where}: {name!r} is not a setting; {hint}docs/settings.md has them all"
            )
    return found


def _explain(error: ValidationError) -> str:
    """List the invalid settings without their values, which may be secret."""
    return "; ".join(_fault(item["loc"], item) for item in error.errors(include_url=False))


def _fault(where: Iterable[int | str], item: Any) -> str:
    parts = tuple(where)
    if not parts:
        return in_words(item)
    return f"{PREFIX}{place(parts, 'settings').upper()}: {in_words(item)}"
