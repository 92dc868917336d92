"""An event is known by its source and its sender's id: no table changes, but what stands in it."""

import sqlalchemy as sa
from alembic import op

from firm.errors import OldCopy

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Who sent what was taken in before is not in the database: nobody can make the ids anew."""
    if op.get_bind().execute(sa.text("SELECT 1 FROM inbox LIMIT 1")).first() is not None:
        raise OldCopy(
            "this copy knows the events that it has taken in by their senders' ids alone, so one "
            "that comes again would count twice: start a new copy (another HEADWAY_HOME; where "
            "settings name them, an empty database, Kafka and Redis too) and replay the "
            "sources into it; the old one is as it was"
        )
