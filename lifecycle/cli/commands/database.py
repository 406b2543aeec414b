"""`lifecycle db`: the tables."""

from __future__ import annotations

import typer

from lifecycle.cli.noun import noun
from lifecycle.cli.options import Database, in_each
from lifecycle.engine.opening import raise_format
from lifecycle.store import Store, settle_shard

app = noun("The tables in the database.")


@app.command("upgrade")
def upgrade(db: Database = None) -> None:
    """Bring the database to the tables and snapshots of this program; a SQLite file is made. May be repeated.

    `lifecycle run` does this by itself where no worker was ever there, a worker never does. Where the
    snapshots had an older format everybody is folded again, and older programs that still run write nothing
    from then on. Of several databases, a new one is given its partitions.

    \b
    Example:
      lifecycle db upgrade --db postgresql://lifecycle@localhost/lifecycle
    """
    in_each(db, _upgraded, prepare=settle_shard, create=True)


def _upgraded(store: Store) -> None:
    again = " Everybody is folded again, by the next run or by the workers." if raise_format(store) else ""
    typer.echo(f"the database at {store.where} is up to date.{again}")
