"""Delivery risk: will the next status report move completion too far?"""

from workflows.delivery_risk.declaration import WORKFLOW

__all__ = ["WORKFLOW"]
