"""One migrated store for each test, once on SQLite and once on PostgreSQL.

The tests that take `store` are the contract: the same behaviours on every store, by one fixture.
"""

from collections.abc import Iterator

import pytest

from lifecycle.store import Store, open_store


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store at this program's tables."""
    opened = open_store(store_url, create=True)
    yield opened
    opened.close()
