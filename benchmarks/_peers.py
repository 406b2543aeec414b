"""Peers of the fold: libraries of state machines, which make one guarded transition for each touchpoint.

The least that each of them can be asked for: one machine, made before; two states; an event that moves it to and fro;
one condition, which is always met. It measures nothing by itself (fold.py does). `make bench` installs them, by
requirements-bench.txt; nothing else needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping


def peers() -> Mapping[str, Callable[[int], None]]:
    """Return each library's name with what makes so many transitions."""
    return {"transitions": _transitions(), "python-statemachine": _statemachine()}


def _transitions() -> Callable[[int], None]:
    from transitions import Machine

    class Model:
        is_met = True

        def may(self) -> bool:
            return self.is_met

    model = Model()
    machine = Machine(model=model, states=["here", "there"], initial="here", auto_transitions=False)
    machine.add_transition("move", "here", "there", conditions="may")
    machine.add_transition("move", "there", "here", conditions="may")

    def run(count: int) -> None:
        for _ in range(count):
            model.move()

    return run


def _statemachine() -> Callable[[int], None]:
    from statemachine import State, StateMachine

    class Made(StateMachine):
        here, there = State(initial=True), State()
        move = here.to(there, cond="may") | there.to(here, cond="may")
        is_met = True

        def may(self) -> bool:
            return self.is_met

    machine = Made()

    def run(count: int) -> None:
        for _ in range(count):
            machine.move()

    return run
