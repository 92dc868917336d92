"""One database, a schema for each tool, so that their tables do not meet."""

from __future__ import annotations

from sqlalchemy import create_engine, make_url, text

TOOLS = ("mlflow", "feast")


def schema_url(database: str, schema: str) -> str:
    """The same database with another schema in front."""
    url = make_url(database).update_query_dict({"options": f"-csearch_path={schema}"})
    return url.render_as_string(hide_password=False)


def make_schemas(database: str) -> None:
    """Make the tools' schemas that are not there yet."""
    engine = create_engine(database)
    with engine.begin() as connection:
        for schema in TOOLS:
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
    engine.dispose()
