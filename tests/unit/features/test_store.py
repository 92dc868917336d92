"""Addresses as Feast wants them."""

import pytest
from feast.infra.online_stores.redis import RedisOnlineStore

from features.store import connection_string


@pytest.mark.parametrize(
    ("url", "host", "options"),
    [
        ("redis://cache", "cache:6379", {}),
        ("redis://cache:1234/2", "cache:1234", {"db": 2}),
        (
            "rediss://me:p%2C=%3A1@cache:1/0",
            "cache:1",
            {"db": 0, "username": "me", "password": "p,=:1", "ssl": True},
        ),
        ("redis://:0123@cache:1", "cache:1", {"password": "0123"}),
    ],
)
def test_feast_understands_the_address(url: str, host: str, options: dict[str, object]) -> None:
    nodes, found = RedisOnlineStore._parse_connection_string(connection_string(url))
    assert [f"{node['host']}:{node['port']}" for node in nodes] == [host]
    assert found == options


def test_a_socket_is_refused() -> None:
    with pytest.raises(ValueError, match="by host and port only"):
        connection_string("unix:///tmp/redis.sock")
