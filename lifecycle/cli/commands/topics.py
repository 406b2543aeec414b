"""`lifecycle topics`: the topics in Kafka. Loads the Kafka client only when one of its commands runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from lifecycle.cli.noun import noun
from lifecycle.cli.options import Broker, Database, in_each
from lifecycle.cli.output import plural
from lifecycle.errors import NotFound, SettingsRefused
from lifecycle.record import Log
from lifecycle.settings import Settings
from lifecycle.store import Store

if TYPE_CHECKING:
    from lifecycle.streams.topics import Found

app = noun("The topics in Kafka.")


@app.command("create")
def create(
    broker: Broker = None,
    partitions: Annotated[
        int | None,
        typer.Option("--partitions", show_default=False, help="Of each topic. [LIFECYCLE_PARTITIONS]"),
    ] = None,
    replication: Annotated[
        int | None,
        typer.Option("--replication", show_default=False, help="Copies of each. [LIFECYCLE_REPLICATION]"),
    ] = None,
) -> None:
    """Make the topics that the settings name, and check those that are there already. May be repeated.

    \b
    Example:
      lifecycle topics create --broker localhost:9092 --partitions 4
    """
    from lifecycle.streams.topics import create_topics

    made = create_topics(Settings.load(broker=broker, partitions=partitions, replication=replication))
    for name, is_new in made.items():
        typer.echo(f"{name}: {'made' if is_new else 'is there already, as it should be'}")


@app.command("adopt")
def adopt(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="The topic that changed.")],
    broker: Broker = None,
    db: Database = None,
) -> None:
    """Accept that a topic is not as the database knows it, so that it is read on.

    A partition that is stopped begins at the start of its log: repetitions do no harm, and how many offsets
    were never read is said and counted. People are spread over as many partitions as the topic has; when that
    number has changed no worker may run meanwhile. What is in the database stays.

    \b
    Example:
      lifecycle topics adopt touchpoints --db postgresql://lifecycle@localhost/lifecycle
    """
    from lifecycle.streams.topics import read_logs, read_topics

    settings = Settings.load(database=db, broker=broker)
    databases = settings.need_databases()
    found = read_topics(settings).get(topic)
    if found is None:
        names = ", ".join(settings.input_topics)
        raise NotFound(f"{topic} is none of the input topics ({names}). Name one of them.")
    if not databases.is_one and found.partitions != databases.partitions:
        raise SettingsRefused(
            f"{topic} has {found.partitions} partitions, and the databases are those of {databases.partitions}: people "
            "would belong to other databases. Move them as docs/operations.md says."
        )
    logs = read_logs(settings, found)
    in_each(db, lambda store: _adopt(store, found, logs))


def _adopt(store: Store, found: Found, logs: Mapping[int, Log]) -> None:
    topic = found.name
    adopted = store.adopt_topic(topic, logs)
    moved = store.set_partitions(found.partitions)
    for each in adopted:
        typer.echo(f"{each.wrong}\n  It begins again at offset {each.begins}.")
    if not adopted:
        typer.echo(f"{topic} is as the database knows it; it is read on from where it was.")
    if moved:
        typer.echo(f"{topic} has {plural(found.partitions, 'partition')}. {plural(moved, 'person', 'people')} moved.")
