"""What alembic runs: the migrations, on the connection and in the transaction of `Store.migrate`."""

from alembic import context

from scheduler.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
