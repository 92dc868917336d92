"""The embedded parts: real Kafka, PostgreSQL and Redis, started from packages without root."""

from headway.parts.addresses import Addresses, ExternalAddresses, running
from headway.parts.embedded import Parts
from headway.parts.errors import PartError
from headway.parts.kafka import Kafka
from headway.parts.ports import free_port
from headway.parts.postgres import Postgres
from headway.parts.redis import Redis
from headway.parts.together import exit_on_signals

__all__ = [
    "Addresses",
    "ExternalAddresses",
    "Kafka",
    "PartError",
    "Parts",
    "Postgres",
    "Redis",
    "exit_on_signals",
    "free_port",
    "running",
]
