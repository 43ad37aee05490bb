"""Alembic's entry: runs on the connection that `stores.opening.upgrade` hands over."""

from alembic import context

from vocative.stores.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
