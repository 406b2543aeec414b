"""The settings of one process: from arguments, the environment or a TOML file, in this order of precedence.

What it is: one frozen value, checked once, that the command line makes and hands down. What it is not: a
place to look things up from; below the edges settings arrive as arguments.

Every setting NAME is read from the variable LIFECYCLE_NAME, and from the TOML file that LIFECYCLE_SETTINGS
names (default: ./lifecycle.toml, if there is one). `Settings.load` is the way in; its errors name setting,
variable and next step, and never print a value, so that no password ends up in a log.
"""

from __future__ import annotations

import os
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from lifecycle.ask_from import MAX_SPREAD_DAYS
from lifecycle.databases import Databases, Shard, databases_of, one_database, shard_named
from lifecycle.errors import SettingsRefused
from lifecycle.moment import parse_time

PREFIX = "LIFECYCLE_"
FILE_VARIABLE = "LIFECYCLE_SETTINGS"
DEFAULT_FILE = "lifecycle.toml"

_TOPIC = r"^[a-zA-Z0-9._-]{1,249}$"


class Settings(BaseSettings):
    """All settings. Times are seconds unless their name says otherwise. Make one with `Settings.load`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=False
    )

    database: str | None = Field(default=None, repr=False, description="SQLAlchemy URL of the database")
    databases: dict[str, str] | None = Field(
        default=None,
        repr=False,
        description="several databases in place of one: partitions of people -> URL, as "
        '`{"0-3": "postgresql://...", "4-7": "postgresql://..."}`; in the file a table',
    )
    shard: str | None = Field(
        default=None,
        description="where there are several: the partitions of people that a worker serves, as in databases",
    )
    policy: Path | None = Field(default=None, description="policy file; none: the one that comes with this program")

    broker: str = Field(default="localhost:9092", min_length=1, description="Kafka's bootstrap servers, with commas")
    broker_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="how to talk to the broker"
    )
    broker_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="how to log in where the protocol is one of SASL"
    )
    broker_user: str | None = Field(default=None, description="user where the protocol is one of SASL")
    broker_password: SecretStr | None = Field(default=None, description="password of that user")
    broker_ca_file: Path | None = Field(
        default=None, description="PEM file of the authority that signed the broker; none: the system's"
    )

    touchpoints: str = Field(default="touchpoints", pattern=_TOPIC, description="topic of touchpoints, in")
    outcomes: str = Field(default="task-outcomes", pattern=_TOPIC, description="topic of task outcomes, in")
    tasks: str = Field(default="follow-up-tasks", pattern=_TOPIC, description="topic of follow-up tasks, out")
    dead_letters: str = Field(
        default="touchpoints-dead-letters", pattern=_TOPIC, description="topic of refused records, out"
    )
    passed_on: str = Field(
        default="touchpoints-passed-on",
        pattern=_TOPIC,
        description="topic between several databases: records about people of another one",
    )
    partitions: int = Field(default=4, ge=1, le=10_000, description="partitions of the topics that are created")
    replication: int = Field(default=1, ge=1, le=100, description="copies of the topics that are created")

    ask_from: str | None = Field(
        default=None,
        description="from when a worker asks in an empty database: a time, `now` or `beginning`; none: from its first "
        "start on, or from the beginning where it reads up to a bound",
    )
    spread_days: int | None = Field(
        default=None,
        ge=1,
        le=MAX_SPREAD_DAYS,
        description="days over which what is still owed then comes; none: 1, or 14 where `ask_from` is none",
    )

    group: str = Field(default="lifecycle", min_length=1, max_length=200, description="consumer group")
    instance: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="name of this replica across restarts: its partitions wait for it; none: they move on",
    )
    batch_records: int = Field(default=2000, ge=1, le=100_000, description="most records in one transaction")
    max_body_bytes: int = Field(default=1024 * 1024, ge=1024, le=4 * 1024 * 1024, description="largest body accepted")
    grace_seconds: float = Field(default=5, ge=0, description="how far time stays behind what was heard")
    publish_lag_seconds: float = Field(default=900, ge=1, description="lag beyond which tasks are not published")
    future_seconds: float = Field(default=86_400, ge=0, description="how far ahead a touchpoint may occur")
    session_timeout_seconds: float = Field(
        default=12, ge=1, le=300, description="silence after which the group gives a worker's partitions away"
    )
    stop_seconds: float = Field(default=10, ge=1, le=600, description="longest time that stopping may take")
    web_port: int = Field(default=6066, ge=0, le=65_535, description="port of /metrics, /health and /readyz; 0: none")

    SASL: ClassVar[frozenset[str]] = frozenset(("SASL_PLAINTEXT", "SASL_SSL"))

    @classmethod
    def load(cls, **arguments: Any) -> Settings:
        """Read all settings; `arguments` win over the environment, that over the file. None means: not given.

        Raises SettingsRefused, with every finding in one message.
        """
        given = {name: value for name, value in arguments.items() if value is not None}
        unknown = sorted(given.keys() - cls.model_fields.keys())
        if "database" in given:
            # Whoever names one database means that one, whatever there is besides.
            given = {"databases": None, "shard": None, **given}
        if unknown:
            raise TypeError(f"no such setting: {', '.join(unknown)}")
        try:
            return cls(**given)
        except ValidationError as error:
            raise SettingsRefused(_describe(error)) from None
        except tomllib.TOMLDecodeError as error:
            raise SettingsRefused(f"settings file {_file()} is not TOML: {error}. Mend that line.") from error
        except OSError as error:
            raise SettingsRefused(f"settings file {_file()} cannot be read: {error.strerror}.") from error

    @property
    def source_topics(self) -> tuple[str, ...]:
        """Every topic that others send touchpoints to: the touchpoints themselves, then the task outcomes."""
        return (self.touchpoints, self.outcomes)

    @property
    def input_topics(self) -> tuple[str, ...]:
        """Every topic that a worker reads: with several databases also what workers pass on to each other."""
        return self.source_topics if self.several is None else (*self.source_topics, self.passed_on)

    @property
    def several(self) -> Databases | None:
        """Which database holds whom, where there are several."""
        found = None if self.databases is None else databases_of(self.databases)
        return None if found is None or found.is_one else found

    @property
    def topic_partitions(self) -> int:
        """How many partitions the topics have that are created."""
        return self.partitions if self.several is None else self.several.partitions

    def group_of(self, shard: Shard) -> str:
        """Return the consumer group of the workers of a shard: each database has one of its own."""
        return self.group if self.several is None else f"{self.group}.{shard}"

    @property
    def grace(self) -> timedelta:
        """How far the time of a partition stays behind what was heard of it."""
        return timedelta(seconds=self.grace_seconds)

    @property
    def publish_lag(self) -> timedelta:
        """How far a partition's time may be behind the wall clock while tasks are still published."""
        return timedelta(seconds=self.publish_lag_seconds)

    @property
    def future(self) -> timedelta:
        """How far ahead of its receipt a touchpoint may occur."""
        return timedelta(seconds=self.future_seconds)

    def need_database(self) -> str:
        """Return the URL of the one database. Raises SettingsRefused where none is given, or several are."""
        known = self.need_databases()
        if not known.is_one:
            raise SettingsRefused(
                f"several databases are given, for the partitions {', '.join(map(str, known.urls))}, and this works on "
                "one. Name it with --db."
            )
        return next(iter(known.urls.values()))

    def need_shard(self) -> Shard:
        """Return which shard of `need_databases` a worker serves. Raises SettingsRefused where that is not said."""
        known = self.need_databases()
        if known.is_one:
            return next(iter(known.urls))
        if self.shard is None:
            raise SettingsRefused(
                f"several databases are given, for the partitions {', '.join(map(str, known.urls))}, and a worker "
                "serves one. Say which with --shard, or LIFECYCLE_SHARD."
            )
        return shard_named(self.shard)

    def need_databases(self) -> Databases:
        """Return which database holds whom. Raises SettingsRefused where none is given."""
        if self.databases is not None:
            return databases_of(self.databases)
        if self.database is None:
            raise SettingsRefused(
                'no database is given. Pass --db, set LIFECYCLE_DATABASE, or write `database = "..."` into '
                f"{DEFAULT_FILE}; for example sqlite:///lifecycle.db or postgresql+psycopg://user@host/name."
            )
        return one_database(self.database)

    @field_validator("ask_from")
    @classmethod
    def _is_moment(cls, given: str | None) -> str | None:
        if given not in (None, "now", "beginning") and parse_time(str(given)) is None:
            raise ValueError("a time with a zone such as 2026-03-01T09:30:00Z, `now` or `beginning` is wanted")
        return given

    @field_validator("databases")
    @classmethod
    def _hold_everybody(cls, given: dict[str, str] | None) -> dict[str, str] | None:
        if given is not None:
            databases_of(given)
        return given

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.database is not None and self.databases is not None:
            raise ValueError("database and databases are both given: several take the place of one, so give either")
        self._check_shard()
        topics = (self.touchpoints, self.outcomes, self.tasks, self.dead_letters, self.passed_on)
        if len(set(topics)) != len(topics):
            raise ValueError(
                f"touchpoints, outcomes, tasks, dead_letters and passed_on must be five topics, got {topics}"
            )
        if self.broker_protocol in self.SASL and (self.broker_user is None or self.broker_password is None):
            raise ValueError(
                f"broker_protocol {self.broker_protocol} needs both LIFECYCLE_BROKER_USER and LIFECYCLE_BROKER_PASSWORD"
            )
        if self.broker_protocol not in self.SASL and self.broker_user is not None:
            raise ValueError(
                f"broker_user is given, but broker_protocol {self.broker_protocol} does not log in; "
                "set LIFECYCLE_BROKER_PROTOCOL to SASL_SSL or SASL_PLAINTEXT"
            )
        return self

    def _check_shard(self) -> None:
        several = self.several
        if several is not None and "partitions" in self.model_fields_set and self.partitions != several.partitions:
            raise ValueError(
                f"partitions is {self.partitions}, and databases are given for {several.partitions} partitions; leave "
                "partitions away, or correct either"
            )
        if self.shard is None:
            return
        if self.databases is None:
            raise ValueError(f"shard is {self.shard}, and no databases are given that it could be one of")
        if several is not None and shard_named(self.shard) not in several.urls:
            listed = ", ".join(map(str, several.urls))
            raise ValueError(f"shard is {self.shard}, and databases are given for {listed}; name one of these")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Name the sources in order of precedence (called by pydantic-settings)."""
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, _file()))


def _file() -> Path | None:
    """Return the settings file; None where none was named and there is none in the folder."""
    named = os.environ.get(FILE_VARIABLE)
    if named:
        path = Path(named)
        if not path.is_file():
            raise SettingsRefused(f"settings file {path}, named by {FILE_VARIABLE}, does not exist.")
        return path
    default = Path(DEFAULT_FILE)
    return default if default.is_file() else None


def _describe(error: ValidationError) -> str:
    lines = []
    for finding in error.errors(include_url=False, include_input=False, include_context=False):
        name = ".".join(str(part) for part in finding["loc"])
        message = finding["msg"].removeprefix("Value error, ")
        if finding["type"] == "extra_forbidden":
            known = ", ".join(sorted(Settings.model_fields))
            lines.append(f"there is no setting {name}; remove it from {_file()}. Known: {known}.")
        elif name:
            lines.append(f"setting {name}: {message}. Correct {PREFIX}{name.upper()}, or {name} in the settings file.")
        else:
            lines.append(f"{message}.")
    return "\n".join(lines)
