"""Every setting of every process, read from the environment, in one typed object.

A value set in the environment wins. What the environment leaves open is read from
`stack.env` in the state folder, which `shelfcast up` writes for the servers it started,
so every command finds the running stack without options. A secret can be a file in
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
        description="Protocol of the broker: `PLAINTEXT`, `SSL` (that is, TLS), "
        "`SASL_PLAINTEXT` or `SASL_SSL`; SASL needs a user name and password.",
    )
    kafka_mechanism: Mechanism = Field(
        "SCRAM-SHA-512",
        description="SASL mechanism: `SCRAM-SHA-512`, `SCRAM-SHA-256` or `PLAIN`.",
    )
    kafka_username: str | None = Field(None, description="User name at the broker.")
    kafka_password: SecretStr | None = Field(None, description="Its password.")
    kafka_ca_file: Path | None = Field(
        None,
        description="PEM file of the CA that signed the brokers' certificates; unset: the system's "
        "CAs.",
    )
    credentials: Path | None = Field(
        None,
        description="Folder that `shelfcast credentials` wrote: each function is a separate user "
        "in Kafka and Postgres; unset: all are the same user.",
    )
    ray_address: str | None = Field(
        None, description="Address of a running Ray cluster; unset: Ray is started locally."
    )
    ray_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port at which other nodes join the Ray that is started locally, with its "
        "token; unset: no node can, and Ray listens on the loopback address only.",
    )
    http_host: str = Field("127.0.0.1", description="Address the HTTP API listens on.")
    http_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Host names of the HTTP API in addition to its address and localhost, "
        "separated by commas; `*`: any, if only trusted pages reach it.",
    )
    http_port: int | None = Field(None, description="Port of the HTTP API; unset: a free one.")
    metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port on which Prometheus reads the counters of this machine or container, "
        "served by one process; 0: none, the API's `/metrics` has them.",
    )
    metrics_host: str = Field("127.0.0.1", description="Address of the metrics port.")
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
        description="Cron expression (UTC) of the roll-forward, which updates every champion's "
        "forecast from the newest sales on; empty: none.",
    )
    strategies: Annotated[dict[str, dict[str, Any]], NoDecode] = Field(
        {},
        description="Strategies of your own by name, as JSON: "
        f"`{_EXAMPLE}`; the kinds and their fields are those of "
        "`functions.forecasting.strategy.kinds`.",
    )
    backtest_folds: int = Field(
        DEFAULT.n_splits, ge=1, le=50, description="Folds of the backtest of every strategy."
    )
    interval_level: float = Field(
        DEFAULT.interval_level,
        gt=0,
        lt=1,
        description="The probability with which an interval should cover a day's sales.",
    )
    engine: Literal["batched", "prophet"] = Field(
        "batched",
        description="Fits by `batched`, all series at once and exactly, or by stock `prophet`.",
    )
    shard_series: int = Field(
        128,
        ge=1,
        le=1000,
        description="Maximum series in a training shard; 16 show progress with stock Prophet.",
    )
    shard_rows: int = Field(
        100_000,
        ge=1000,
        le=1_000_000,
        description="Maximum rows of history in a training shard; it bounds a trainer's memory.",
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
        description="Minimum trainers of the bulk lane; 0: none while no shard waits.",
    )
    trainer_replicas_max: int = Field(
        1,
        ge=1,
        le=MAX_TRAINERS,
        description="Maximum trainers; between the two their number follows the waiting shards.",
    )
    registry_replicas: int = Field(
        1,
        ge=1,
        le=MAX_REGISTRIES,
        description="Registries of the bulk lane, on a cluster (`spread`).",
    )
    forecaster_replicas: int = Field(
        1,
        ge=1,
        le=MAX_FORECASTERS,
        description="Forecasters of the bulk lane, on a cluster (`spread`).",
    )
    trainer_idle_seconds: float = Field(
        60.0,
        ge=1,
        description="Seconds without work after which a trainer ends; starting one takes seconds.",
    )
    trainer_workers: int | None = Field(
        None,
        ge=1,
        description="Fit processes of a trainer with stock Prophet; unset: one per core.",
    )

    prune_schedule: str = Field(
        "0 3 * * *",
        description="Cron expression (UTC) of the deletion of expired data; empty: never.",
    )
    keep_versions: int = Field(
        10,
        ge=1,
        description="Newest model versions of a series that are kept; champion, previous and "
        "challenger are always kept, and so are models with stored days of forecasts.",
    )
    keep_forecast_days: int = Field(
        90,
        ge=1,
        le=MAX_DAYS,
        description="Days of forecasts that are kept; served ones are always kept.",
    )
    keep_run_days: int = Field(
        365,
        ge=30,  # an event of a run is on the log for a month, and may be read again
        le=MAX_DAYS,
        description="Days for which the results of runs are kept, and runs without a model.",
    )
    keep_sales_days: int | None = Field(
        None,
        ge=366,  # a yearly season is read from a year
        le=MAX_DAYS,
        description="Days of sales, and of their calendar entries, that are kept; unset: all.",
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
        """Return the settings of that user of `infra.access`: the common ones, and, where there
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
        """Return the settings of the backtest."""
        return Backtest(self.backtest_folds, self.interval_level)

    @property
    def strategy_table(self) -> Strategies:
        """The built-in strategies and those of `strategies`."""
        return own_strategies.read(self.strategies)

    @property
    def retention(self) -> Retention:
        """Return the retention of data."""
        return Retention(
            self.keep_versions,
            self.keep_forecast_days,
            self.keep_run_days,
            self.keep_sales_days,
        )

    @property
    def process_layout(self) -> Layout:
        """Return the layout that is set, or the default for where Ray runs."""
        return self.layout or ("shared" if self.ray_address is None else "spread")

    def replicas_of(self, process: str) -> int:
        """Return the number of replicas of a process that does not follow the lag."""
        several = {"registry": self.registry_replicas, "forecaster": self.forecaster_replicas}
        return several.get(process, 1)

    @property
    def ray_is_closed(self) -> bool:
        """Say whether Ray is started locally and for this machine only."""
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
    """A process has no password for its user."""


class SettingMissing(Exception):
    """A process needs a setting that neither the environment nor the local stack gives."""

    def __init__(self, variable: str) -> None:
        super().__init__(
            f"{variable} is not set and no local stack is up: run `shelfcast up`, or set {variable}"
        )


def load_settings() -> Settings:
    """Read the settings as a process of the running stack has them."""
    home = Settings(_env_file=None).home
    return Settings(_env_file=home / STACK_ENV)
