"""What is written down for a fold that is told of, and for no other. Called by fold.py and steps.py."""

from __future__ import annotations

from collections.abc import Sequence

from lifecycle.instant import Instant
from lifecycle.rules.compiled.guards import View
from lifecycle.rules.compiled.machine import TrackTable, TypeTable
from lifecycle.rules.compiled.refusal import held_alternative, refusal
from lifecycle.rules.fold.working import Working
from lifecycle.rules.language.policy import Choice
from lifecycle.rules.language.vocabulary import misfits_in_words
from lifecycle.rules.state.snapshot import Instance, Origin
from lifecycle.touchpoint import Touchpoint, order_key


def note_came(work: Working, table: TypeTable | None, touchpoint: Touchpoint, at: Instant) -> None:
    """Note what only some folds ask for: that a touchpoint came, and how far time is (start.py)."""
    if work.machine.ask_from is not None:
        work.state.last_key = order_key(touchpoint)
    if work.trail is not None:
        said = "" if table is None else misfits_in_words(table.read(touchpoint).misfits)
        work.note(at, "came", "", "", touchpoint.type, by=work.origin(), detail=said)


def note_refusals(
    work: Working,
    view: View,
    decided: Sequence[tuple[TrackTable, str, Instance | None, Choice | None]],
    origin: Origin,
) -> None:
    """Write down what the lines that were not taken wanted and got, and where one said stay: for why-not."""
    at = origin.occurred_at
    for table, key, instance, chosen in decided:
        if instance is None:
            continue
        view.own, view.key = instance.facts, key
        choices = table.stages[instance.stage].upon.get(origin.type)
        for choice in () if choices is None else choices.lines:
            if choice is chosen:
                held = held_alternative(work.machine, choice.when, view, table.name)
                if held:
                    work.note(at, "held", table.name, key, instance.stage, by=origin, detail=held, choice=choice)
                continue
            words = "" if choice.when is None else refusal(work.machine, choice.when, view, table.name)
            stays = choice.target == "stay" and chosen is None and not words
            if not stays and not words:
                words = "another line of the list fits first"
            what = "stayed" if stays else "refused"
            work.note(at, what, table.name, key, instance.stage, by=origin, detail=words, choice=choice)
