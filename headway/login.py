"""The login of the API, composed as the settings say, and kept up to date."""

from __future__ import annotations

import ipaddress
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import structlog

from firm.errors import HeadwayError
from firm.store import SqlStore
from headway.settings import Settings
from serving.access import Authority, Developer, KeyRing, LimitedLogin, Login, Tokens

REFRESH_SECONDS = 1.0
"""How long a new or a revoked key takes to be known to a running service."""
DISCOVERY_SECONDS = 300.0
TIMEOUT_SECONDS = 5.0

log = structlog.get_logger(__name__)


class NotLoopback(HeadwayError):
    """The mode without a login was asked for on an address that others can reach."""

    kind = "not-loopback"


class NoKeys(HeadwayError):
    """The identity provider does not say with which keys it signs."""

    kind = "no-login-keys"
    retry = True


def login(settings: Settings, store: SqlStore) -> tuple[Login, Callable[[], None]]:
    """The login, and what ends its refreshing.

    What cannot be read while the service starts (keys, the provider's own keys) is tried again.

    Raises:
        NotLoopback: see there.
    """
    if settings.developer:
        return _developer(settings), lambda: None
    ring = KeyRing(settings.audit_key())
    tokens = _tokens(settings)

    def refresh() -> None:
        revoked = store.revoked()
        ring.load(store.api_keys(), revoked)
        if tokens is not None:
            tokens.revoke(revoked)

    tasks = [_Repeated(refresh, REFRESH_SECONDS)]
    if tokens is not None:
        tasks.append(_Repeated(lambda: tokens.load(keys_of(settings)), DISCOVERY_SECONDS))

    def stop() -> None:
        for task in tasks:
            task.stop()

    known = Authority([ring] if tokens is None else [ring, tokens])
    return LimitedLogin(known, settings.rate_limit, settings.failed_logins), stop


def keys_of(settings: Settings) -> Mapping[str, Any]:
    """The public keys of the identity provider, as a JSON Web Key Set; raises NoKeys."""
    try:
        if settings.login_jwks is not None:
            found: Mapping[str, Any] = json.loads(settings.login_jwks.read_text())
            return found
        issuer = (settings.login_issuer or "").rstrip("/")
        about = _fetch(f"{issuer}/.well-known/openid-configuration")
        return _fetch(about["jwks_uri"])
    except (OSError, ValueError, KeyError, httpx.HTTPError) as error:
        where = settings.login_jwks or settings.login_issuer
        raise NoKeys(
            f"the keys of the login at {where} cannot be read: {error!r}; check "
            "HEADWAY_LOGIN_ISSUER, or name a file with HEADWAY_LOGIN_JWKS"
        ) from error


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _developer(settings: Settings) -> Developer:
    if not is_loopback(settings.host):
        raise NotLoopback(
            f"HEADWAY_DEVELOPER lets everybody do everything, and HEADWAY_HOST={settings.host} can "
            "be reached from elsewhere: unset one of them"
        )
    log.warning(
        "DEVELOPER MODE: there is no login, everybody on this machine may do everything",
        mend="unset HEADWAY_DEVELOPER and make keys with `headway keys add`",
    )
    return Developer()


def _tokens(settings: Settings) -> Tokens | None:
    if settings.login_issuer is None:
        return None
    return Tokens(settings.login_issuer, settings.login_audience)


def _fetch(url: str) -> dict[str, Any]:
    answer = httpx.get(url, timeout=TIMEOUT_SECONDS)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


class _Repeated:
    """Does something again and again in a thread; what fails is tried again the next time."""

    def __init__(self, task: Callable[[], None], seconds: float) -> None:
        self._task, self._seconds = task, seconds
        self._stopped = threading.Event()
        self._try()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            self._try()

    def _try(self) -> None:
        try:
            self._task()
        except HeadwayError as error:
            log.warning("the login could not be refreshed", why=str(error))
