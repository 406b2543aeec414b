"""`lifecycle db`: the tables."""

from __future__ import annotations

import typer

from lifecycle.cli.noun import noun
from lifecycle.cli.options import Database, closing_store
from lifecycle.engine.opening import raise_format
from lifecycle.settings import Settings
from lifecycle.store import open_store

app = noun("The tables in the database.")


@app.command("upgrade")
def upgrade(db: Database = None) -> None:
    """Bring the database to the tables and snapshots of this program; a SQLite file is made. May be repeated.

    `lifecycle run` does this by itself where no worker was ever there, a worker never does. Where the
    snapshots had an older format everybody is folded again, and older programs that still run write nothing
    from then on.

    \b
    Example:
      lifecycle db upgrade --db postgresql://lifecycle@localhost/lifecycle
    """
    with closing_store(open_store(Settings.load(database=db).need_database(), create=True)) as store:
        again = " Everybody is folded again, by the next run or by the workers." if raise_format(store) else ""
        typer.echo(f"the database at {store.where} is up to date.{again}")
