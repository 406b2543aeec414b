"""How Alembic reaches the database: through the connection that migrating.py hands over, in its transaction.

Run by Alembic, imported by nobody. There is no offline mode.
"""

from __future__ import annotations

from alembic import context

from lifecycle.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
