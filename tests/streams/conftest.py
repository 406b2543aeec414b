"""Fixtures of the streams' tests: a site of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.streams.site import Site, make_site


@pytest.fixture
def site(kafka_servers: str, database_url: str, topic_names: Callable[[str], str]) -> Iterator[Site]:
    """Topics, a migrated database and room for workers; workers still running are killed at the end."""
    made = make_site(kafka_servers, database_url, topic_names)
    yield made
    for worker in made.workers:
        worker.close()
    made.store.close()
