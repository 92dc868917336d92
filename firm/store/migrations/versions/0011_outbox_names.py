"""A message of the outbox names what it is about, and an action its decision, without a copy."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NAMES = {"fk": "%(table_name)s_%(column_0_name)s_fkey"}
"""PostgreSQL's own names; SQLite has none, and is told these."""
ABOUT = {
    "postgresql": "convert_from(payload, 'UTF8')::jsonb ->> 'id'",
    "sqlite": "json_extract(CAST(payload AS TEXT), '$.id')",
}


def upgrade() -> None:
    """What was written twice, and looked up for nothing, was a third of what a decision cost."""
    about = ABOUT[op.get_context().dialect.name]
    op.add_column("outbox", sa.Column("about", sa.Text()))
    op.execute(f"UPDATE outbox SET about = {about}")  # noqa: S608 - our own words
    with op.batch_alter_table("outbox", table_kwargs={"sqlite_autoincrement": True}) as outbox:
        outbox.alter_column("about", existing_type=sa.Text(), nullable=False)
        outbox.drop_column("payload")
    # SQLite makes a table anew for this, which it does not do while another points to its rows.
    with op.batch_alter_table("verdict", naming_convention=NAMES) as verdict:
        verdict.drop_constraint("verdict_action_fkey", type_="foreignkey")
    with op.batch_alter_table("action", naming_convention=NAMES) as action:
        action.drop_constraint("action_decision_fkey", type_="foreignkey")
    with op.batch_alter_table("verdict") as verdict:
        verdict.create_foreign_key("verdict_action_fkey", "action", ["action"], ["id"])
