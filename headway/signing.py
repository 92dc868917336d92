"""The key with which versions are approved: Ed25519, in a file outside the database.

Serving reads only the public half. A row that somebody wrote into the database without the private
one does not verify, so it does not decide. Signatures are JWS in compact form (RFC 7515, 9864).
"""

from __future__ import annotations

from typing import Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from firm.decision import as_json
from firm.errors import NotAllowed
from firm.promotion import Registration
from firm.standing import Promotion
from headway.once import make_once
from headway.settings import Settings

ALGORITHM: Final = "Ed25519"
Signed = Promotion | Registration


class Signer:
    """Signs what was approved here."""

    def __init__(self, settings: Settings) -> None:
        self._key = _private_key(settings)

    def sign(self, made: Signed) -> str:
        """The signature of a promotion or a registration, with what it signs."""
        return jws.serialize_compact(
            {"alg": ALGORITHM}, _bytes(made), self._key, algorithms=[ALGORITHM]
        )


class Verifier:
    """Knows whether something was signed here."""

    def __init__(self, settings: Settings) -> None:
        file = settings.approval_key.with_suffix(".pub")
        if not file.exists():
            _private_key(settings)
        self._key = OKPKey.import_key(file.read_text())

    def genuine(self, made: Signed, signature: str) -> bool:
        """Whether the signature is ours, of exactly this."""
        try:
            signed = jws.deserialize_compact(signature, self._key, algorithms=[ALGORITHM])
        except (JoseError, ValueError):
            return False
        return signed.payload == _bytes(made)

    def require(self, made: Registration, signature: str) -> None:
        """Raise NotAllowed unless the registration is as training signed it."""
        if not self.genuine(made, signature):
            raise NotAllowed(
                f"the registration of version {made.version} of {made.workflow} is not signed with "
                "the key of this copy, or was changed since: train the version again, and find "
                "out who changed it (`headway audit verify`)"
            )


def _bytes(made: Signed) -> bytes:
    kind = type(made).__name__
    told = made.lean() if isinstance(made, Promotion) else made
    return as_json({"kind": kind, "of": msgspec.to_builtins(told)})


def _private_key(settings: Settings) -> OKPKey:
    """The key of this copy, made by whoever needs it first."""
    file = settings.approval_key
    made = OKPKey.generate_key(ALGORITHM, {"use": "sig"})
    key = OKPKey.import_key(make_once(file, made.as_pem(private=True)))
    make_once(file.with_suffix(".pub"), key.as_pem(private=False))
    return key
