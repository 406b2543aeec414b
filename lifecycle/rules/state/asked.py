"""What is asked about one person, and what waits to be: the only place where tasks come and go while a fold works.

Called by fold/working.py and through it.
"""

from __future__ import annotations

from collections.abc import Sequence

from lifecycle.rules.state.snapshot import OpenTask, PersonState, WaitingTask


class Asked:
    """The open and the waiting tasks of a state, found by instance: `ids` are those of (track, key), if there are any.

    `is_stirred`: something opened, ended or began to wait since openings.look_again looked, while somebody waits or
    could not begin: nobody else is looked at. At the end of a fold it never is, so that a fold that goes on from a
    snapshot looks at the same moments as one in one go.
    """

    def __init__(self, state: PersonState) -> None:
        self._state = state
        self.ids: dict[tuple[str, str], set[str]] = {}
        for task_id, task in state.tasks.items():
            self._note(task_id, task)
        for task_id, waiting in state.waiting.items():
            self._note(task_id, waiting)
        self.is_stirred = False

    def of(self, track: str, key: str) -> Sequence[str]:
        """Return the ids of what is open or waits of an instance, in order."""
        ids = self.ids.get((track, key), ())
        return sorted(ids) if len(ids) > 1 else tuple(ids)

    def open(self, task_id: str, task: OpenTask) -> None:
        """Let a task be open."""
        self._state.tasks[task_id] = task
        self._note(task_id, task)

    def hold(self, task_id: str, task: WaitingTask) -> None:
        """Let a task wait."""
        self._state.waiting[task_id] = task
        self._note(task_id, task)

    def end(self, task_id: str) -> OpenTask:
        """Take a task out of those that are open."""
        task = self._state.tasks.pop(task_id)
        self._forget(task_id, task)
        return task

    def release(self, task_id: str) -> WaitingTask:
        """Take a task out of those that wait."""
        task = self._state.waiting.pop(task_id)
        self._forget(task_id, task)
        self.is_stirred = True
        return task

    def _note(self, task_id: str, task: OpenTask | WaitingTask) -> None:
        if self._state.waiting or self._state.not_begun:
            self.is_stirred = True
        where = task.track, task.key
        if where in self.ids:
            self.ids[where].add(task_id)
        else:
            self.ids[where] = {task_id}

    def _forget(self, task_id: str, task: OpenTask | WaitingTask) -> None:
        if self._state.waiting or self._state.not_begun:
            self.is_stirred = True
        where = task.track, task.key
        left = self.ids[where]
        left.discard(task_id)
        if not left:
            del self.ids[where]
