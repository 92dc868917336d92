"""Staffing fit: is the first group that a ticket is given to the right one?"""

from workflows.staffing_fit.declaration import WORKFLOW

__all__ = ["WORKFLOW"]
