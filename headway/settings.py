"""The settings: the only place that reads the environment. Each begins with HEADWAY_."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from limits import parse
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from headway.once import make_once
from headway.parts import Addresses, ExternalAddresses


class Settings(BaseSettings):
    """Where things are. An address that is set is used; one that is not is run embedded."""

    model_config = SettingsConfigDict(env_prefix="HEADWAY_", extra="ignore", frozen=True)

    home: Path = Field(Path("var"), description="the folder that holds all data of this copy")
    cache: Path = Field(
        Path("~/.cache/headway"), description="where downloads that copies can share are kept"
    )
    kafka: str | None = Field(None, description="bootstrap servers: host:port[,host:port]")
    database: str | None = Field(
        None, description="SQLAlchemy URL of a PostgreSQL database for decisions and states"
    )
    redis: str | None = Field(None, description="redis://host:port/number of the online store")
    host: str = Field("127.0.0.1", description="the address on which the API listens")
    port: int = Field(0, ge=0, le=65_535, description="the API's port; 0 takes a free one")
    workers: int = Field(
        1, ge=1, le=64, description="processes that serve the API together, all on its port"
    )
    hung_seconds: float = Field(
        15.0,
        ge=1,
        description="`up` ends and restarts a process of the API whose event loop stands so long",
    )
    start_seconds: float = Field(
        120.0,
        ge=1,
        description="`up` ends and restarts a process of the API that does not serve after so long",
    )
    actions_url: str | None = Field(
        None, description="the system of record that performs actions; unset, a simulated one"
    )
    retrain_hours: float | None = Field(
        None, gt=0, description="how often `up` trains what is due; unset, only people train"
    )

    developer: bool = Field(
        False, description="let everybody on this machine do everything, without a login"
    )
    login_issuer: str | None = Field(
        None, description="the firm's OpenID Connect provider (https://...), whose tokens count"
    )
    login_audience: str = Field("headway", description="what `aud` in those tokens has to be")
    login_jwks: Path | None = Field(
        None, description="a file with the provider's keys (JWKS); discovered, without"
    )

    rate_limit: str = Field(
        "10000/second", description="how often one caller may ask each process of the API"
    )
    failed_logins: str = Field(
        "60/minute", description="how often an address may fail to log in before it hears 429"
    )
    json_depth: int = Field(32, ge=4, description="how deep the JSON of a request may be nested")

    report_hours: float = Field(
        0, ge=0, description="report on each live version every so many hours; 0: on demand only"
    )
    report_days: float | None = Field(
        None, gt=0, description="those reports are on so many days; unset: since it was trained"
    )
    workflows: Path | None = Field(
        None, description="a folder of workflows of your own, one folder each, with their mappings"
    )

    approval_key_file: Path | None = Field(
        None, description="the key that signs approved versions (PEM, Ed25519); unset, one in home"
    )

    vault: Path | None = Field(
        None, description="the file of protected attributes, encrypted; unset, one in home"
    )
    vault_key_file: Path | None = Field(
        None, description="its key (32 bytes), for the fairness job alone; unset, one in home"
    )

    lineage_url: str | None = Field(
        None, description="a service of OpenLineage; unset, a file in home"
    )

    @property
    def lineage(self) -> Path:
        """The OpenLineage events of trainings, one a line."""
        return self.home / "lineage"

    webhooks_link_local: bool = Field(
        False, description="let webhooks reach link-local addresses, a cloud's metadata among them"
    )
    webhook_days: float = Field(
        3, gt=0, description="how long a message to a subscriber waits before it is given up"
    )
    webhook_messages: int = Field(
        1_000_000, ge=1, description="how many may wait for one subscriber; beyond, the oldest go"
    )
    keep_sent_days: float = Field(
        30, gt=0, description="how long sent messages and settled deliveries are kept"
    )

    metrics: Path | None = Field(
        None, description="the folder in which processes add up their counts; unset, each alone"
    )

    @field_validator("rate_limit", "failed_logins")
    @classmethod
    def _is_a_rate(cls, text: str) -> str:
        parse(text)
        return text

    @property
    def telemetry(self) -> Mapping[str, str]:
        """OpenTelemetry's own variables (OTEL_...), as its exporter reads them."""
        return {name: value for name, value in os.environ.items() if name.startswith("OTEL_")}

    @property
    def traces(self) -> bool:
        """Whether traces are sent: a place for them is named, and nothing switches them off."""
        said = self.telemetry
        off = (
            said.get("OTEL_SDK_DISABLED", "").lower() == "true"
            or said.get("OTEL_TRACES_EXPORTER") == "none"
        )
        places = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
        return not off and any(said.get(name) for name in places)

    @property
    def external(self) -> ExternalAddresses:
        """The servers that need not be started."""
        return ExternalAddresses(self.kafka, self.database, self.redis)

    @property
    def cache_folder(self) -> Path:
        """The shared cache, with the home of the user filled in."""
        return self.cache.expanduser()

    @property
    def offline_folder(self) -> Path:
        """The Parquet that Feast's historical joins read."""
        return self.home / "offline"

    @property
    def artifacts(self) -> Path:
        """MLflow's artifacts."""
        return (self.home / "artifacts").resolve()

    @property
    def reports(self) -> Path:
        """The monitoring reports."""
        return self.home / "reports"

    def audit_key(self) -> bytes:
        """The key of the audit chain; it lies outside the database, readable by its owner alone."""
        return make_once(self.home / "secrets" / "audit.key", secrets.token_bytes(32))

    def webhook_key(self) -> str:
        """What MLflow signs its webhooks with; made when it is asked for first."""
        made = secrets.token_urlsafe(32).encode()
        return make_once(self.home / "secrets" / "webhook.key", made).decode()

    @property
    def approval_key(self) -> Path:
        """The key that signs approved versions, outside the database; its public half lies beside
        it. Keep it where only those who approve can read it."""
        return self.approval_key_file or self.home / "secrets" / "approval.key"

    @property
    def vault_file(self) -> Path:
        """Who has which protected attribute, encrypted; only the fairness job reads it."""
        return self.vault or self.home / "secrets" / "attributes.vault"

    def vault_key(self) -> bytes:
        """The key of the vault, readable by its owner alone."""
        file = self.vault_key_file or self.home / "secrets" / "vault.key"
        return make_once(file, secrets.token_bytes(32))

    def at(self, addresses: Addresses) -> Settings:
        """The same settings with the addresses of the parts that are running."""
        return self.model_copy(
            update={
                "kafka": addresses.kafka_bootstrap,
                "database": addresses.database_url,
                "redis": addresses.redis_url,
            }
        )

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, for child processes."""
        absolute = {
            "home": self.home.resolve(),
            "cache": self.cache_folder.resolve(),
            "metrics": self.metrics and self.metrics.resolve(),
            "workflows": self.workflows and self.workflows.resolve(),
            "login_jwks": self.login_jwks and self.login_jwks.resolve(),
            "approval_key_file": self.approval_key_file and self.approval_key_file.resolve(),
            "vault": self.vault and self.vault.resolve(),
            "vault_key_file": self.vault_key_file and self.vault_key_file.resolve(),
        }
        ours = {
            f"HEADWAY_{name.upper()}": str(value)
            for name, value in {**self.model_dump(), **absolute}.items()
            if value is not None
        }
        # Prometheus' client looks for its folder itself, when it is imported.
        shared = {"PROMETHEUS_MULTIPROC_DIR": str(absolute["metrics"])} if self.metrics else {}
        return {**ours, **shared, **self.telemetry}
