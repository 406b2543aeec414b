"""What open tasks say when a touchpoint comes: noted before facts take it in, for those that it ends.

A task that news ends was about what was known before that news. Called by steps.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle.rules.compiled.machine import TypeTable
from lifecycle.rules.fold.working import Working
from lifecycle.rules.state.snapshot import OpenTask
from lifecycle.touchpoint import Touchpoint


def keep_said(work: Working, table: TypeTable, touchpoint: Touchpoint) -> None:
    """Note what those open tasks say of which a touchpoint of this type can change that."""
    tasks = work.state.tasks
    if not tasks:
        return
    work.said_before = {
        task_id: work.said(task)
        for task_id in (tasks if table.is_said else _of_its_instances(work, table, touchpoint))
        if (task := tasks.get(task_id)) is not None and _says_other(work, task, touchpoint.type)
    }


def _of_its_instances(work: Working, table: TypeTable, touchpoint: Touchpoint) -> Iterator[str]:
    """Yield the tasks of the instances whose own facts take a touchpoint in."""
    for step in table.steps:
        key = "" if step.table.field is None else touchpoint.data.get(step.table.field)
        if step.takes and key is not None:
            yield from work.asked.of(step.table.name, key)


def _says_other(work: Working, task: OpenTask, type_name: str) -> bool:
    """Tell whether a touchpoint of this type can change what an open task says."""
    saying = work.rule_of(task).saying
    return saying is not None and (type_name in saying.types or type_name in saying.own_types)
