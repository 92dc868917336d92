"""Who calls, and whether they may: the login of the API."""

from __future__ import annotations

from serving.access.authority import Authenticate, Authority, Login
from serving.access.developer import Developer
from serving.access.keys import KeyRing
from serving.access.rates import LimitedLogin
from serving.access.tokens import Tokens

__all__ = ["Authenticate", "Authority", "Developer", "KeyRing", "LimitedLogin", "Login", "Tokens"]
