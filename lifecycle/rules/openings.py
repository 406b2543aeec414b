"""Opening tasks: whether one opens now, waits for quiet hours or a budget to end, or does not open at all.

Called by timers.py with everything that would open at one instant, and by fold.py when news has changed what a
person wants. The order among tasks of one instant is the smaller due time, then the task id, so that a budget
is spent alike in every replay. What waits, waits with its stage.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from lifecycle.errors import FoldStopped
from lifecycle.rules.early import take_kept
from lifecycle.rules.guards import View
from lifecycle.rules.machine import Contact, Rule
from lifecycle.rules.snapshot import OpenTask, Origin, WaitingTask
from lifecycle.rules.working import MAX_OPEN_TASKS, Working

Candidate = tuple[str, WaitingTask]
"""Task id, and the task as it would open."""


def open_tasks(work: Working, candidates: Iterable[Candidate], at: datetime) -> None:
    """Open what may open now; the rest waits or is passed over."""
    ready = []
    for task_id, task in candidates:
        rule = work.rule_of(task)
        view = work.view_of(task.track, task.key, at)
        assert rule.due is not None
        ready.append((rule.due(view, at), task_id, task, rule, view))
    ready.sort(key=lambda each: each[:2])
    for due_at, task_id, task, rule, view in ready:
        contact = rule.contact
        if contact is not None and contact.stops is not None and contact.stops(view):
            pass_over(work, task_id, task, rule, at, detail="stopped")
            continue
        opens_at = None if contact is None else _waits_until(work, contact, view)
        if opens_at is None:
            _open(work, task_id, task, rule, view, due_at)
        else:
            task.opens_at = opens_at
            work.state.waiting[task_id] = task
            work.note(at, "waits", task.track, task.key, task.rule, task_id=task_id, detail=opens_at.isoformat())


def _waits_until(work: Working, contact: Contact, view: View) -> datetime | None:
    """Return until when a task of this kind waits, None where it need not: quiet hours first, then the budget."""
    if contact.quiet_until is not None:
        until = contact.quiet_until(view)
        if until is not None:
            return until
    opened = work.state.opened
    if contact.most is None or contact.free_again is None or len(opened) < contact.most:
        return None
    free_at = contact.free_again(opened[-contact.most])
    return free_at if free_at > view.at else None


def _open(work: Working, task_id: str, task: WaitingTask, rule: Rule, view: View, due_at: datetime) -> None:
    """Open a task now; an outcome that came before it closes it at once."""
    state, at = work.state, view.at
    if len(state.tasks) >= MAX_OPEN_TASKS:
        raise FoldStopped(
            f"{work.person} has more than {MAX_OPEN_TASKS} open tasks; the next would be {task.track}.{rule.name}. "
            "Look for a task that is asked again and again, mend the policy, and activate it again."
        )
    assert rule.expires is not None
    state.tasks[task_id] = OpenTask(
        track=task.track,
        key=task.key,
        stage=task.stage,
        rule=task.rule,
        entry=task.entry,
        since=task.since,
        origin=task.origin,
        opened_at=at,
        due_at=due_at,
        expires_at=max(rule.expires(view, due_at), at),
        root=task.root,
    )
    if rule.contact is not None and rule.contact.reaches and work.machine.most:
        state.opened = [*state.opened, at][-work.machine.most :]
    work.note(at, "opened", task.track, task.key, rule.name, task_id=task_id)
    early = take_kept(state, task_id, at, state.tasks[task_id].expires_at)
    if early is not None:
        work.close(task_id, early, at)


def pass_over(
    work: Working,
    task_id: str,
    task: WaitingTask | OpenTask,
    rule: Rule,
    at: datetime,
    *,
    by: Origin | None = None,
    detail: str = "",
) -> None:
    """Do not open a task; a repeated one tries again after a period, where its stage goes on."""
    work.note(at, "not_opened", task.track, task.key, rule.name, task_id=task_id, by=by, detail=detail)
    instance = work.state.tracks[task.track][task.key]
    if rule.period is not None and instance.cause == task.entry and rule.name not in instance.pending:
        view = work.view_of(task.track, task.key, at)
        instance.pending[rule.name] = rule.next_due(view, at)
        work.active[task.track, task.key] = instance


def stop_contacts(work: Working, at: datetime, by: Origin | None) -> None:
    """Withdraw open tasks, and forget waiting ones, of kinds of contact that the person does not want any more."""
    state = work.state
    stopped = {id(contact) for contact in work.machine.contacts.values() if _stops(contact, work.view(None, at))}
    if not stopped:
        return
    for task_id in sorted(each for each, task in state.tasks.items() if id(work.rule_of(task).contact) in stopped):
        work.close(task_id, "withdrawn", at, reason="stopped", by=by)
    for task_id in sorted(each for each, task in state.waiting.items() if id(work.rule_of(task).contact) in stopped):
        task = state.waiting.pop(task_id)
        pass_over(work, task_id, task, work.rule_of(task), at, by=by, detail="stopped")


def _stops(contact: Contact, view: View) -> bool:
    return contact.stops is not None and contact.stops(view)
