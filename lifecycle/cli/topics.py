"""`lifecycle topics`: the topics in Kafka. Loads the Kafka client only when one of its commands runs."""

from __future__ import annotations

from typing import Annotated

import typer

from lifecycle.cli.options import Broker, Database, closing_store
from lifecycle.cli.output import plural
from lifecycle.errors import NotFound
from lifecycle.settings import Settings
from lifecycle.store import open_store

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The topics in Kafka.")


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
    """Make the four topics, and check those that are there already. May be repeated.

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
    """Accept that a topic was made anew, or has another number of partitions.

    It is read again from its beginning, and people are spread over as many partitions as it has. Workers must
    not run meanwhile. What is in the database stays; repetitions do no harm.

    \b
    Example:
      lifecycle topics adopt touchpoints --db postgresql://lifecycle@localhost/lifecycle
    """
    from lifecycle.streams.topics import read_topics

    settings = Settings.load(database=db, broker=broker)
    url = settings.need_database()
    found = read_topics(settings).get(topic)
    if found is None:
        names = ", ".join(settings.input_topics)
        raise NotFound(f"{topic} is none of the input topics ({names}). Name one of them.")
    with closing_store(open_store(url)) as store:
        store.adopt_topic(topic, found.id)
        moved = store.set_partitions(found.partitions)
    typer.echo(
        f"{topic} is adopted with {plural(found.partitions, 'partition')}; the next worker reads it from its "
        f"beginning. {plural(moved, 'person', 'people')} belong to another partition now."
    )
