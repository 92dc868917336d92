"""Service level: will a ticket be closed later than was promised?"""

from workflows.service_level.declaration import WORKFLOW

__all__ = ["WORKFLOW"]
