"""Delivery risk: will the next status report move the completion of a project by 60 days or more?"""

from workflows.delivery_risk.declaration import WORKFLOW

__all__ = ["WORKFLOW"]
