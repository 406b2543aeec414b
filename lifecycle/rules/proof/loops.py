"""Loops of time alone: no news, and a person goes round. Each must wait a day or more somewhere, and ask for something.

An `at` in the past fires at once, so only an `after` of a day counts as a wait; and only a task without a guard that
opens before its stage is left counts as asking. Called by check.py only. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

from lifecycle.rules.language.policy import Stage, TimedMove, waits_of
from lifecycle.rules.proof.asking import Asking, surely_asks_before
from lifecycle.rules.proof.findings import Report, longer
from lifecycle.rules.proof.paths import Ways
from lifecycle.rules.proof.spans import tasks_of, time_in_words

FASTEST = timedelta(days=1)
"""A loop of time alone waits at least so long somewhere."""

MAX_CHAIN = 100
"""Rounds of the fold at one instant (MAX_ROUNDS of timers.py); what is left of a longer row comes a day later."""

Moves = dict[str, list[tuple[TimedMove, str]]]


class LoopChecker:
    """Checks the timed moves of every track."""

    def __init__(self, ways: Mapping[str, Ways], asking: Asking, report: Report) -> None:
        self.ways, self.asking, self.report = ways, asking, report

    def check(self) -> None:
        """Note every loop that is too fast, and every loop that asks nobody for anything."""
        for ways in self.ways.values():
            too_fast = loops(ways, lambda stage, move: not waits_a_day(move))
            if not too_fast:
                self.chain(ways)
            for loop in too_fast:
                message = f"Time alone goes round {_round(loop)} and need not wait a day."
                advice = 'Give one of its timed moves an "after" of a day or more.'
                self._note(ways, loop, "loop-too-fast", message, advice)
            for loop in loops(ways, partial(self._is_silent, ways)):
                message = f"Time alone goes round {_round(loop)} for ever and asks nobody for anything."
                advice = 'Add a task without "when" that opens before its stage is left, or let one of them rest.'
                self._note(ways, loop, "loop-without-task", message, advice)

    def chain(self, ways: Ways) -> None:
        """Note a row of moves that may all come at one instant, longer than the fold goes at one."""
        moves = {
            name: [to for move, to in ways.timed(name) if to in ways.paths and not _surely_waits(move)]
            for name in ways.paths
        }
        rounds = dict.fromkeys(moves, 0)
        for _ in range(MAX_CHAIN):
            rounds = {name: max((1 + rounds[to] for to in moves[name]), default=0) for name in moves}
        longest = max(rounds, key=lambda name: rounds[name])
        if rounds[longest] >= MAX_CHAIN:
            message = f'From "{longest}" on, {MAX_CHAIN} timed moves or more may come at one instant.'
            advice = 'Give some of them an "after", or join stages: what is left of the row would come a day later.'
            stage = ways.track.stages[longest]
            place = stage.places.get("later", stage.place)
            self.report.refuse("long-chain", place, message, advice, ways.paths[longest])

    def _is_silent(self, ways: Ways, stage: Stage, move: TimedMove) -> bool:
        """Tell whether a stage may ask for nothing before a timed move leaves it."""
        asking = self.asking
        return not any(
            surely_asks_before(task, move, asking.put_off(task), asking.policy.calendar)
            and asking.opt_outs.counts(asking.kind(task), ways, stage.name)
            for task in tasks_of(stage)
        )

    def _note(self, ways: Ways, loop: list[tuple[str, TimedMove]], code: str, message: str, advice: str) -> None:
        first, move = loop[0]
        path = ways.paths[first]
        for _, each in loop:
            path = longer(path, time_in_words(each))
        self.report.refuse(code, move.place, message, advice, path)


def waits_a_day(move: TimedMove) -> bool:
    """Tell whether a timed move always waits a day or more."""
    return move.after is not None and all(each.shortest >= FASTEST for each in waits_of(move.after))


def _surely_waits(move: TimedMove) -> bool:
    return move.after is not None and all(each.number > 0 for each in waits_of(move.after))


def loops(ways: Ways, counts: Callable[[Stage, TimedMove], bool]) -> list[list[tuple[str, TimedMove]]]:
    """Return loops among the timed moves that count, no two with a stage in common, from the first stage in the file.

    Whatever loop there is shares a stage with one of these.
    """
    moves: Moves = {
        name: [(move, to) for move, to in ways.timed(name) if to in ways.paths and counts(stage, move)]
        for name, stage in ways.track.stages.items()
        if name in ways.paths
    }
    found = []
    _drop_dead_ends(moves)
    while moves:
        # Every stage that is left has a move to one that is left: whoever walks on comes round.
        walked: dict[str, TimedMove] = {}
        here = next(iter(moves))
        while here not in walked:
            walked[here], here = moves[here][0]
        names = list(walked)
        loop = names[names.index(here) :]
        found.append([(name, walked[name]) for name in loop])
        for name in loop:
            del moves[name]
        _drop_dead_ends(moves)
    return found


def _drop_dead_ends(moves: Moves) -> None:
    """Take out, again and again, the stages from which no move leads to one that is left."""
    dropped = True
    while dropped:
        dropped = False
        for name in list(moves):
            moves[name] = [(move, to) for move, to in moves[name] if to in moves]
            if not moves[name]:
                del moves[name]
                dropped = True


def _round(loop: list[tuple[str, TimedMove]]) -> str:
    names = [f'"{name}"' for name, _ in loop[:10]] + (["..."] if len(loop) > 10 else [])
    return " -> ".join([*names, names[0]])
