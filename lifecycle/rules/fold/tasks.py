"""Tasks in the words of the policy, and what is to be told about them: the difference from what was published.

The fold says which tasks are open now. `reconcile` compares that with what was last published of each and
returns the messages that are still owed. It is done at the present only: what opened and closed in between
was never asked of anybody. `requested` comes again only after `withdrawn`. What somebody did is told as done even after
it was withdrawn; where the ground of that turns out untrue, the task is open again: `changed`, reason `reopened`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lifecycle import canonical_json
from lifecycle.instant import from_microseconds, microseconds
from lifecycle.person import Publication
from lifecycle.rules.compiled.guards import View
from lifecycle.rules.compiled.machine import Machine, Rule, when
from lifecycle.rules.compiled.saying import Said
from lifecycle.rules.fold.start import is_to_end
from lifecycle.rules.fold.trail import Closing
from lifecycle.rules.state.endings import state_of
from lifecycle.rules.state.snapshot import ClosedTask, OpenTask, PersonState
from lifecycle.task import MessageType, Reference, Task, TaskState, Why, WithdrawnReason, rfc3339


@dataclass(frozen=True, slots=True)
class Request:
    """One message that is owed: its type, the task's data as a consumer will see it, and the new publication."""

    type: MessageType
    data: Mapping[str, Any]
    publication: Publication


def said_by(machine: Machine, person: str, state: PersonState, instance: tuple[str, str], rule: Rule) -> Said:
    """Return what a rule says now of an instance (track, key), by the facts of a state."""
    track, key = instance
    assert rule.saying is not None
    view = View(None, state.facts, state.tracks, 0)  # No time: what a task says changes by news alone.
    view.own, view.key = state.tracks[track][key].facts, key
    return rule.saying.said(view, person)


def task_of(
    machine: Machine,
    person: str,
    state: PersonState,
    task_id: str,
    task: OpenTask,
    ending: Closing | None = None,
    said: Said | None = None,
) -> Task:
    """Return a task in the words of the policy, by the facts of a state.

    `ending` says how it ended and read, `said` what is said of it now, where that was worked out already.
    """
    closed = None if ending is None else ending.closed
    if ending is not None:
        said = ending.said
    if said is None:
        rule = machine.tracks[task.track].stages[task.stage].rules[task.rule]
        said = said_by(machine, person, state, (task.track, task.key), rule)
    reason: Any = closed.reason or None if closed is not None else None
    return Task(
        id=task_id,
        person=person,
        kind=task.rule,
        key=task.key or None,
        ask=said.ask,
        by=said.by,
        about=said.about,
        lane=machine.policy.lanes[state.lane].name,
        state="open" if closed is None else closed.state,
        requested_at=from_microseconds(task.opened_at),
        due_at=from_microseconds(task.due_at),
        expires_at=from_microseconds(task.expires_at),
        why=why_of(machine, task),
        closed_at=None if closed is None else from_microseconds(closed.at),
        reason=reason,
    )


def why_of(machine: Machine, task: OpenTask) -> Why:
    """Return why a task is asked, with a sentence for people."""
    stage = machine.tracks[task.track].stages[task.stage].stage
    origin = task.origin
    place = f"{task.track} {task.key}" if task.key else task.track
    since = when(machine, task.since)
    led = f"{origin.type} of {when(machine, origin.occurred_at)}"
    led = f"after {led}" if origin.occurred_at == task.since else f"as time passed after {led}"
    sentence = f'{place} is at "{stage.name}" since {since}, {led}. They would say: "{stage.means}"'
    if "/or_else" in task.rule:
        sentence += f" Nobody did {task.rule.rpartition('/')[0]} in time."
    return Why(
        track=task.track,
        key=task.key or None,
        stage=task.stage,
        rule=task.rule,
        since=from_microseconds(task.since),
        touchpoints=(Reference(origin.source, origin.id, origin.type, from_microseconds(origin.occurred_at)),),
        sentence=sentence,
    )


def content_of(state: str, ask: str, kind: str, due_at: str, lane: str, by: str) -> str:
    """Return the hash of what a consumer must be told about; a change of anything else is no news."""
    text = "\n".join((state, ask, kind, due_at, lane, by))
    return hashlib.blake2b(text.encode("utf-8"), digest_size=8).hexdigest()


def strangers(state: PersonState, closings: Iterable[Closing], published: Mapping[str, Publication]) -> list[str]:
    """Return the ids of which consumers were told another state than is true, and this fold does not know enough.

    How they ended is forgotten, or known as a word alone: fold from the start to know more.
    """
    known = {
        *state.tasks,
        *(closed.id for closed in state.closed),
        *(closing.closed.id for closing in closings),
    }
    return [
        task_id
        for task_id, each in published.items()
        if task_id not in known and (each.state == "open" or state_of(state, task_id) not in (None, each.state))
    ]


def reconcile(
    machine: Machine,
    person: str,
    state: PersonState,
    closings: Collection[Closing],
    published: Mapping[str, Publication],
    *,
    at: datetime,
    untrue: WithdrawnReason = "never_true",
    retracted: Collection[str] = (),
) -> list[Request]:
    """Return the messages owed about one person, in the order of task ids, closed before open.

    `at` is the time of commit; a version is at least its milliseconds. `untrue` is the reason given for
    tasks that were asked and of which the fold knows nothing; of those in `retracted` it is that.
    """
    requests = []
    endings = {closing.closed.id: closing for closing in closings}
    remembered = {closed.id: closed for closed in state.closed}
    for task_id in sorted(published.keys() - state.tasks.keys()):
        last = published[task_id]
        # What is remembered is how it ended last; a fold may not hold every ending of a task that ended twice.
        closed = remembered.get(task_id) or (endings[task_id].closed if task_id in endings else None)
        if last.state != "open" and (closed is None or closed.state == last.state):
            continue
        if closed is None:
            closed = ClosedTask(task_id, "withdrawn", "retracted" if task_id in retracted else untrue, microseconds(at))
        requests.append(_closed(last, closed, at))
    for task_id in sorted(state.tasks):
        request = _news_of(machine, person, state, task_id, published.get(task_id), at)
        if request is not None:
            requests.append(request)
    return requests


def _news_of(
    machine: Machine, person: str, state: PersonState, task_id: str, last: Publication | None, at: datetime
) -> Request | None:
    """Return what is owed about a task that is open; None: it was told of as it is, or is not asked."""
    opened = state.tasks[task_id]
    if last is None and is_to_end(machine, state, opened):
        return None
    rule = machine.tracks[opened.track].stages[opened.stage].rules[opened.rule]
    said = said_by(machine, person, state, (opened.track, opened.key), rule)
    due_at, lane = rfc3339(from_microseconds(opened.due_at)), machine.policy.lanes[state.lane].name
    content = content_of("open", said.ask, opened.rule, due_at, lane, said.by)
    if last is not None and last.content == content:
        return None  # As of most that are open. Why it is asked is no news, and need not be worked out.
    task = task_of(machine, person, state, task_id, opened, said=said)
    is_new = last is None or last.state in ("withdrawn", "expired")
    if last is not None and last.state in ("completed", "declined"):
        task = replace(task, reason="reopened")
    told: MessageType = "task.requested" if is_new else "task.changed"
    return _request(told, task.as_data(), content, "open", last, at)


def _closed(last: Publication, closed: ClosedTask, at: datetime) -> Request:
    data = canonical_json.own(last.body)
    data |= {"state": closed.state, "closed_at": rfc3339(from_microseconds(closed.at)), "reason": closed.reason or None}
    content = content_of(closed.state, data["ask"], data["kind"], data["due_at"], data["lane"], data["by"])
    told = "task.changed" if closed.state in ("completed", "declined") else "task.withdrawn"
    return _request(told, data, content, closed.state, last, at)  # type: ignore[arg-type]  # one of the two


def _request(
    told: MessageType,
    data: dict[str, Any],
    content: str,
    state: TaskState,
    last: Publication | None,
    at: datetime,
) -> Request:
    version = max(0 if last is None else last.version + 1, microseconds(at) // 1_000)
    body = canonical_json.dumps(data)
    publication = Publication(data["person"], data["id"], version, state, content, body)
    return Request(told, {**data, "version": version}, publication)
