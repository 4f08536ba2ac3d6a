"""Alembic's entry: runs the steps on the connection it is given, in that connection's transaction."""

from alembic import context

from storage.migrations.runner import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
