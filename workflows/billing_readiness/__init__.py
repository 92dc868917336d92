"""Billing readiness: will a request for payment be rejected before it is paid?

Declared twice, without the amount and, for comparison, with it.
"""

from workflows.billing_readiness.declaration import WORKFLOW, WORKFLOW_WITH_AMOUNT

WORKFLOWS = (WORKFLOW, WORKFLOW_WITH_AMOUNT)

__all__ = ["WORKFLOW", "WORKFLOWS", "WORKFLOW_WITH_AMOUNT"]
