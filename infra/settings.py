"""Every setting of every process, read from the environment, in one typed object.

A value set in the environment wins. What the environment leaves open is read from
`stack.env` in the state folder, which `shelfcast up` writes for the servers it started,
so every command finds the running stack without being told. What is secret can be a file in
SHELFCAST_SECRETS_DIR, named like its variable in lower case; with several folders there, as in
PATH, the last that has the file wins.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from events.cluster import Cluster, Mechanism, Protocol
from events.payloads import Policy
from events.topics import TOPICS
from functions.forecasting.backtest import DEFAULT, Backtest
from functions.forecasting.strategy import Strategies
from functions.retention import Retention
from infra import own_strategies

STACK_ENV = "stack.env"
MAX_DAYS = 36_600  # a century
Layout = Literal["shared", "spread"]
# One more would have no partition to read.
MAX_TRAINERS = TOPICS["training-shards"].partitions
MAX_REGISTRIES = TOPICS["training-results"].partitions
MAX_FORECASTERS = TOPICS["forecast-shards"].partitions
HOST = re.compile(r"\*|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_EXAMPLE = '{"short": {"window_days": 60, "drivers": true}}'


def secrets_folders(environ: Mapping[str, str]) -> list[Path] | None:
    """The folders that SHELFCAST_SECRETS_DIR names; None unless it does."""
    named = environ.get("SHELFCAST_SECRETS_DIR", "")
    return [Path(folder) for folder in named.split(os.pathsep) if folder] or None


class Settings(BaseSettings):
    """The settings; the environment variable is the upper-case name with `SHELFCAST_` before it."""

    model_config = SettingsConfigDict(
        env_prefix="SHELFCAST_",
        extra="ignore",
        frozen=True,
        secrets_dir=secrets_folders(os.environ),
    )

    home: Path = Field(Path(".shelfcast"), description="State folder of the local stack.")
    database_url: SecretStr | None = Field(
        None, description="postgresql://user:password@host:port/name; unset: the local stack's."
    )
    kafka_bootstrap: str | None = Field(
        None, description="host:port[,host:port] of the broker; unset: the local stack's."
    )
    kafka_security: Protocol = Field(
        "PLAINTEXT",
        description="How the broker is spoken to: `PLAINTEXT`, `SSL` (that is, TLS), "
        "`SASL_PLAINTEXT` or `SASL_SSL`; SASL is with a user's name and password.",
    )
    kafka_mechanism: Mechanism = Field(
        "SCRAM-SHA-512",
        description="How the password is proved: `SCRAM-SHA-512`, `SCRAM-SHA-256` or `PLAIN`.",
    )
    kafka_username: str | None = Field(None, description="The broker's name for this process.")
    kafka_password: SecretStr | None = Field(None, description="Its password.")
    kafka_ca_file: Path | None = Field(
        None,
        description="PEM file of who signed the brokers' certificates; unset: whom the machine "
        "trusts.",
    )
    credentials: Path | None = Field(
        None,
        description="Folder that `shelfcast credentials` wrote: each function is a user of its "
        "own in Kafka and Postgres; unset: all are the same one.",
    )
    ray_address: str | None = Field(
        None, description="Address of a running Ray cluster; unset: Ray is started locally."
    )
    ray_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port at which other nodes join the Ray that is started locally, with its "
        "token; unset: none can, and it listens on the loopback address alone.",
    )
    http_host: str = Field("127.0.0.1", description="Address the HTTP API listens on.")
    http_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Names that the HTTP API is asked for by beside its address and localhost, "
        "with commas between; `*`: any, if only trusted pages reach it.",
    )
    http_port: int | None = Field(None, description="Port of the HTTP API; unset: a free one.")
    metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port for Prometheus of what the processes of this machine or container count, "
        "held by one of them; 0: none, the API's `/metrics` has it.",
    )
    metrics_host: str = Field("127.0.0.1", description="Address that the metrics port is on.")
    log_format: Literal["text", "json"] = Field(
        "text", description="Log lines for people (`text`) or programs (`json`)."
    )
    layout: Layout | None = Field(
        None,
        description="How functions share processes: `shared`, few of them, or `spread`, one for "
        "each function; unset: `shared` on a Ray that is started locally, else `spread`.",
    )
    schedule: str = Field(
        "0 4 * * 1", description="Cron expression (UTC) of the full retrain; empty: none."
    )
    forecast_schedule: str = Field(
        "0 5 * * *",
        description="Cron expression (UTC) of the roll-forward, which makes every champion's "
        "forecast anew from the newest sales on; empty: none.",
    )
    strategies: Annotated[dict[str, dict[str, Any]], NoDecode] = Field(
        {},
        description="Strategies of your own by name, as JSON: "
        f"`{_EXAMPLE}`; the kinds and their fields are those of "
        "`functions.forecasting.strategy.kinds`.",
    )
    backtest_folds: int = Field(
        DEFAULT.n_splits, ge=1, le=50, description="Folds that every strategy is measured by."
    )
    interval_level: float = Field(
        DEFAULT.interval_level,
        gt=0,
        lt=1,
        description="The probability that an interval is meant to cover a day's sales.",
    )
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
    shard_rows: int = Field(
        100_000,
        ge=1000,
        le=1_000_000,
        description="Most rows of history in one training shard; with it the memory of a trainer.",
    )
    promotion: Policy = Field(
        "if-better",
        description="When a new model becomes champion, unless the request says: `always`, "
        "`if-better` or `never`.",
    )
    trainer_replicas_min: int = Field(
        1,
        ge=0,
        le=MAX_TRAINERS,
        description="Fewest trainers for runs of many series; 0: none while nothing waits.",
    )
    trainer_replicas_max: int = Field(
        1,
        ge=1,
        le=MAX_TRAINERS,
        description="Most trainers; between the two they follow the shards that wait.",
    )
    registry_replicas: int = Field(
        1,
        ge=1,
        le=MAX_REGISTRIES,
        description="Registries for runs of many series, on a cluster (`spread`).",
    )
    forecaster_replicas: int = Field(
        1,
        ge=1,
        le=MAX_FORECASTERS,
        description="Forecasters for runs of many series, on a cluster (`spread`).",
    )
    trainer_idle_seconds: float = Field(
        60.0,
        ge=1,
        description="Seconds without need of a trainer before it ends: it takes some to start.",
    )
    trainer_workers: int | None = Field(
        None,
        ge=1,
        description="Fitting processes of a trainer with stock Prophet; unset: one per core.",
    )

    prune_schedule: str = Field(
        "0 3 * * *",
        description="Cron expression (UTC) by which what is kept for no longer goes; empty: never.",
    )
    keep_versions: int = Field(
        10,
        ge=1,
        description="Newest model versions of a series that stay; champion, previous and "
        "challenger stay anyway, and models with days of forecasts that do.",
    )
    keep_forecast_days: int = Field(
        90,
        ge=1,
        le=MAX_DAYS,
        description="Days of forecasts that stay; what is served does anyway.",
    )
    keep_run_days: int = Field(
        365,
        ge=30,  # an event of a run is on the log for a month, and may be read again
        le=MAX_DAYS,
        description="Days for which the results of runs stay, and runs that no model is of.",
    )
    keep_sales_days: int | None = Field(
        None,
        ge=366,  # a yearly season is read from a year
        le=MAX_DAYS,
        description="Days of sales, and of what was planned for them, that stay; unset: all.",
    )

    @field_validator("http_hosts", mode="before")
    @classmethod
    def _are_names(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        hosts = tuple(host for part in value.split(",") if (host := part.strip()))
        for host in hosts:
            if not HOST.fullmatch(host):
                raise ValueError(
                    f"{host!r} is not a host's name; give it without scheme, port and path, like "
                    "shop.example.org"
                )
        return hosts

    @field_validator("strategies", mode="before")
    @classmethod
    def _from_json(cls, value: Any) -> Any:
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError as error:
            raise ValueError(f"it is no JSON ({error}); write it like {_EXAMPLE}") from None

    @field_validator("strategies")
    @classmethod
    def _make_sense(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        own_strategies.read(value)
        return value

    @model_validator(mode="after")
    def _replicas_are_a_range(self) -> "Settings":
        if self.trainer_replicas_min > self.trainer_replicas_max:
            raise ValueError(
                f"trainer_replicas_min {self.trainer_replicas_min} is above trainer_replicas_max "
                f"{self.trainer_replicas_max}; raise the one or lower the other"
            )
        return self

    @model_validator(mode="after")
    def _a_user_is_whole(self) -> "Settings":
        given = {"kafka_username": self.kafka_username, "kafka_password": self.kafka_password}
        if self.credentials is not None and not any(given.values()):
            given = {}  # nobody but functions, which have their own
        for name, value in given.items():
            if self._has_users != (value is not None):
                if value is None:
                    raise ValueError(
                        f"kafka_security {self.kafka_security} needs a {name}: set "
                        f"SHELFCAST_{name.upper()}"
                    )
                raise ValueError(
                    f"{name} is of no use with kafka_security {self.kafka_security}: leave it out, "
                    "or set SHELFCAST_KAFKA_SECURITY to SASL_SSL"
                )
        if self.kafka_ca_file is not None and not self.kafka_ca_file.is_file():
            raise ValueError(f"kafka_ca_file {self.kafka_ca_file}: there is no such file")
        return self

    def of(self, user: str) -> Self:
        """The settings as that user of `infra.access` has them: those of all, and, where there
        are credentials, its own. CredentialsMissing when they have none for it.
        """
        if self.credentials is None:
            return self
        own: dict[str, Any] = {"kafka_username": user, "kafka_password": None}
        wanted = {"database_url", "kafka_password"} if self._has_users else {"database_url"}
        for name in wanted:
            file = self.credentials / user / f"shelfcast_{name}"
            try:
                own[name] = SecretStr(file.read_text(encoding="utf-8").strip())
            except OSError as error:
                raise CredentialsMissing(
                    f"SHELFCAST_CREDENTIALS: {file} can't be read ({error.strerror}); run "
                    f"`shelfcast credentials {self.credentials}` as an operator, who writes it"
                ) from None
        return self.model_copy(update=own)

    @property
    def _has_users(self) -> bool:
        return self.kafka_security.startswith("SASL")

    @property
    def backtest(self) -> Backtest:
        """How strategies are measured."""
        return Backtest(self.backtest_folds, self.interval_level)

    @property
    def strategy_table(self) -> Strategies:
        """The built-in strategies and those of `strategies`."""
        return own_strategies.read(self.strategies)

    @property
    def retention(self) -> Retention:
        """What is kept."""
        return Retention(
            self.keep_versions,
            self.keep_forecast_days,
            self.keep_run_days,
            self.keep_sales_days,
        )

    @property
    def process_layout(self) -> Layout:
        """The layout that is set, or that suits where Ray runs."""
        return self.layout or ("shared" if self.ray_address is None else "spread")

    def replicas_of(self, process: str) -> int:
        """How many of a process there are that does not follow the lag."""
        several = {"registry": self.registry_replicas, "forecaster": self.forecaster_replicas}
        return several.get(process, 1)

    @property
    def ray_is_closed(self) -> bool:
        """Whether Ray is started locally and for this machine alone."""
        return self.ray_address is None and self.ray_port is None

    @property
    def database(self) -> str:
        """The database URL, or an error that says how to set it."""
        if self.database_url is None:
            raise SettingMissing("SHELFCAST_DATABASE_URL")
        return self.database_url.get_secret_value()

    @property
    def kafka(self) -> Cluster:
        """The cluster and how to reach it, or an error that says how to set it."""
        if self.kafka_bootstrap is None:
            raise SettingMissing("SHELFCAST_KAFKA_BOOTSTRAP")
        return Cluster(
            self.kafka_bootstrap,
            self.kafka_security,
            self.kafka_mechanism,
            self.kafka_username,
            None if self.kafka_password is None else self.kafka_password.get_secret_value(),
            None if self.kafka_ca_file is None else str(self.kafka_ca_file),
        )


class CredentialsMissing(Exception):
    """A process is to be a user of its own, and has no password for it."""


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
