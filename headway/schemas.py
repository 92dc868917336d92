"""One database, a schema for each tool, so that their tables do not meet."""

from __future__ import annotations

from sqlalchemy import create_engine, make_url, text

TOOLS = ("mlflow", "feast")


def schema_url(database: str, tool: str) -> str:
    """The same database with the tool's schema in front; for SQLite, a file of its own beside."""
    url = make_url(database)
    if url.get_backend_name() == "sqlite":
        return url.set(database=f"{url.database}.{tool}").render_as_string(hide_password=False)
    url = url.update_query_dict({"options": f"-csearch_path={tool}"})
    return url.render_as_string(hide_password=False)


def make_schemas(database: str) -> None:
    """Make the tools' schemas that are not there yet; SQLite needs none."""
    engine = create_engine(database)
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            for tool in TOOLS:
                connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {tool}"))
    engine.dispose()
