"""Webhooks: the signature is the standard's, and waits grow and end."""

from __future__ import annotations

import base64

import msgspec
import pytest

from firm.errors import NotAllowed
from firm.patience import DELIVERIES, Patience
from firm.time import SECOND
from firm.webhooks import (
    Subscription,
    Webhook,
    checked_url,
    is_sealed,
    seal_of,
    secret_of,
    shown_secret,
    signed,
)

WEBHOOK = Webhook("w1", "scheduler", "https://r.example/in", (), ("act",), "Ina", 5)


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example of the standard's own libraries."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    found = signed(
        secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', 1_614_265_330 * SECOND
    )
    assert found == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_subscriber_has_a_secret_of_its_own_that_follows_from_the_key() -> None:
    secrets = {secret_of(key, id_) for key in (b"k", b"l") for id_ in ("w1", "w2")}
    assert len(secrets) == 4
    assert secret_of(b"k", "w1") in secrets
    shown = shown_secret(secret_of(b"k", "w1"))
    assert base64.b64decode(shown.removeprefix("whsec_")) == secret_of(b"k", "w1")


@pytest.mark.parametrize(
    "changed", [{"url": "https://evil.example/"}, {"bands": ()}, {"id": "w2"}, {"made_by": "Eve"}]
)
def test_a_row_that_was_changed_is_told(changed: dict[str, object]) -> None:
    sealed = Subscription(WEBHOOK, seal_of(b"k", WEBHOOK))
    assert is_sealed(b"k", sealed)
    other = Subscription(msgspec.structs.replace(WEBHOOK, **changed), sealed.seal)
    assert not is_sealed(b"k", other)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://r.example/",
        "file:///etc/passwd",
        "https:///path",
        "r.example",
        "http://u:p@r.example/",
        f"https://r.example/{'x' * 2_000}",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(NotAllowed):
        checked_url(url)


def test_a_subscriber_wants_its_workflows_and_bands() -> None:
    assert WEBHOOK.wants("any", "act")
    assert not WEBHOOK.wants("any", "calm")
    one = msgspec.structs.replace(WEBHOOK, workflows=("delivery_risk",), bands=())
    assert [one.wants(slug, "calm") for slug in ("delivery_risk", "other")] == [True, False]


def test_waits_grow_to_the_longest_are_spread_and_end() -> None:
    patience = Patience(first_seconds=2, factor=3, longest_seconds=10, tries=4)
    assert [patience.wait(n, 1.0) for n in (1, 2, 3, 4, 5)] == [
        2 * SECOND, 6 * SECOND, 10 * SECOND, None, None,
    ]  # fmt: skip
    assert patience.wait(1, 0.0) == SECOND


def test_a_receiver_may_be_away_over_night() -> None:
    waits = [DELIVERIES.wait(n, 0.5) or 0 for n in range(1, DELIVERIES.tries)]
    assert 8 * 3_600 * SECOND < sum(waits) < 24 * 3_600 * SECOND
