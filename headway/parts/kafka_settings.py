"""The settings of the embedded Kafka broker, each that is not obvious with its reason."""

import base64
import uuid

from headway.parts.ports import LOOPBACK

MEBIBYTE = 2**20

# One broker, so one copy of everything; loopback only; small buffers for a 256 MiB heap.
FIXED = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "log.dirs": "data",
    "auto.create.topics.enable": "false",
    # A 10 MB payload must reach us, so that we and not the broker decide to dead-letter it.
    "message.max.bytes": str(12 * MEBIBYTE),
    "replica.fetch.max.bytes": str(12 * MEBIBYTE),
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    # After kill -9 the controller refuses the broker until its old session has ended: by default
    # 9 s, for which all that waits for Kafka would stand still.
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "1000",
    "log.retention.hours": "168",
    # Retention drops whole segments: small ones keep a busy topic's disk use near its limit.
    "log.segment.bytes": str(64 * MEBIBYTE),
    "log.index.size.max.bytes": str(MEBIBYTE),
    # The default of 128 MiB would take half the heap.
    "log.cleaner.dedupe.buffer.size": str(16 * MEBIBYTE),
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
}


def server_properties(port: int, controller_port: int) -> str:
    """The text of server.properties for a broker on these two loopback ports."""
    broker, controller = f"PLAINTEXT://{LOOPBACK}:{port}", f"{LOOPBACK}:{controller_port}"
    chosen = {
        "listeners": f"{broker},CONTROLLER://{controller}",
        "advertised.listeners": broker,
        "controller.quorum.voters": f"1@{controller}",
    }
    return "".join(f"{key}={value}\n" for key, value in (FIXED | chosen).items())


def new_cluster_id() -> str:
    """A random cluster id in the form Kafka asks for: a UUID in URL-safe base 64, unpadded."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
