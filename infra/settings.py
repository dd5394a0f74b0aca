"""Every setting of every process, read from the environment, in one typed object.

A value set in the environment wins. What the environment leaves open is read from
`stack.env` in the state folder, which `shelfcast up` writes for the servers it started,
so every command finds the running stack without being told.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

STACK_ENV = "stack.env"


class Settings(BaseSettings):
    """The settings; the environment variable is the upper-case name with `SHELFCAST_` before it."""

    model_config = SettingsConfigDict(env_prefix="SHELFCAST_", extra="ignore", frozen=True)

    home: Path = Field(Path(".shelfcast"), description="State folder of the local stack.")
    database_url: SecretStr | None = Field(
        None, description="postgresql://user:password@host:port/name; unset: the local stack's."
    )
    kafka_bootstrap: str | None = Field(
        None, description="host:port[,host:port] of the broker; unset: the local stack's."
    )
    ray_address: str | None = Field(
        None, description="Address of a running Ray cluster; unset: Ray is started locally."
    )
    http_host: str = Field("127.0.0.1", description="Address the HTTP API listens on.")
    http_port: int | None = Field(None, description="Port of the HTTP API; unset: a free one.")
    schedule: str = Field("0 4 * * 1", description="Cron expression (UTC) of the full retrain.")
    engine: Literal["batched", "prophet"] = Field(
        "batched",
        description="What fits: `batched`, all series at once and exactly, or stock `prophet`.",
    )
    shard_series: int = Field(
        128,
        ge=1,
        le=1000,
        description="Most series in one training shard; 16 show progress with stock Prophet.",
    )
    trainer_workers: int | None = Field(
        None,
        ge=1,
        description="Fitting processes of a trainer with stock Prophet; unset: one per core.",
    )

    @property
    def database(self) -> str:
        """The database URL, or an error that says how to set it."""
        if self.database_url is None:
            raise SettingMissing("SHELFCAST_DATABASE_URL")
        return self.database_url.get_secret_value()

    @property
    def kafka(self) -> str:
        """The bootstrap servers, or an error that says how to set them."""
        if self.kafka_bootstrap is None:
            raise SettingMissing("SHELFCAST_KAFKA_BOOTSTRAP")
        return self.kafka_bootstrap


class SettingMissing(Exception):
    """A process needs a setting that neither the environment nor the local stack gives."""

    def __init__(self, variable: str) -> None:
        super().__init__(
            f"{variable} is not set and no local stack is up: run `shelfcast up`, or set {variable}"
        )


def load_settings() -> Settings:
    """The settings as a process of the running stack sees them."""
    home = Settings(_env_file=None).home
    return Settings(_env_file=home / STACK_ENV)
