"""Alembic runs this for each command; `firm.store.migrate` hands it the connection."""

from alembic import context

from firm.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
