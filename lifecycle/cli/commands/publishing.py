"""`lifecycle publish`: a file of touchpoints to Kafka. Loads the Kafka client only when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lifecycle.cli.options import Broker
from lifecycle.cli.output import plural
from lifecycle.cli.progress import shown_progress
from lifecycle.settings import Settings


def publish(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Touchpoints, one a line, plain or gzip.")],
    broker: Broker = None,
) -> None:
    """Send every line of a file to the touchpoints topic. May be repeated: repetitions are recognised.

    A line that cannot be read is sent as well; the worker refuses it and says why in one place for all.

    \b
    Example:
      lifecycle publish touchpoints.jsonl --broker localhost:9092
    """
    from lifecycle.streams.publish import publish_file

    settings = Settings.load(broker=broker)
    with shown_progress() as tell:

        def progress(sent: int) -> None:
            if tell is not None:
                tell("sending", sent, None)

        sent = publish_file(settings, file, progress=progress)
    typer.echo(f"{plural(sent, 'record')} sent to {settings.touchpoints}", err=True)
