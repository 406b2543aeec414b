"""What became of one timed rule (a task, or time moving somebody on) for one instance. Part of why_not.py. Pure."""

from __future__ import annotations

from datetime import datetime

from lifecycle.instant import from_microseconds
from lifecycle.rules.compiled.machine import Rule, TrackTable, spec_of, when
from lifecycle.rules.fold.start import BEFORE_START
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.state.snapshot import Instance
from lifecycle.rules.telling.fates import Case, Fate, Verdict, last_times
from lifecycle.rules.telling.prospects import REASONS, holds_in_words, stops_in_words
from lifecycle.rules.telling.story import Visit
from lifecycle.rules.telling.wording import place_of, quoted, the_start, touchpoint

_TOLD = ("opened", "waits", "not_opened", "dropped")
"""Steps that tell what became of a rule; how its task ended is told with its opening."""


def fate_of_rule(case: Case, table: TrackTable, stage: str, rule: Rule, key: str) -> Fate:
    """Return what became of a rule of a stage, over all stays of an instance there."""
    visits = case.story.visits_of(table.name, key, stage)
    if not visits:
        now = case.person.state.tracks[table.name][key]
        where = f"{place_of(table.name, key)} was never at {quoted(stage)}; it is at {quoted(now.stage)}"
        return Fate("not_there", (f"{where} since {when(case.machine, now.since)}.",))
    return last_times([_in_visit(case, table, visit, rule, key) for visit in visits])


def _in_visit(case: Case, table: TrackTable, visit: Visit, rule: Rule, key: str) -> Fate:
    if rule.move is not None and visit.left is not None and visit.left.detail == f"{visit.stage} {rule.name}":
        moved = f"{when(case.machine, visit.left.at)}: time moved {place_of(table.name, key)} to {quoted(rule.move.to)}"
        is_there = case.story.visits[table.name, key][-1].entered is visit.left
        return Fate("now", (f"{moved}, where it is.",)) if is_there else Fate("over", (f"{moved}, and it went on.",))
    told = [step for step in visit.steps if step.name == rule.name and step.what in _TOLD]
    fates = [_of_step(case, table, visit, step) for step in told]
    ahead = _ahead(case, table, visit, rule, key)
    if ahead is not None:
        fates.append(ahead)
    if fates:
        return last_times(fates)
    if "/or_else" in rule.name:
        return _of_parent(case, table, visit, rule, key)
    if visit.is_passing:
        at = when(case.machine, visit.entered.at)
        passed = f"{at}: {place_of(table.name, key)} passed through {quoted(visit.stage)} and left it at once"
        return Fate("left", (f"{passed}: such a stage asks for nothing.",))
    here = f"{place_of(table.name, key)} was at {quoted(visit.stage)} from {when(case.machine, visit.entered.at)}"
    moment = spec_of(rule).at
    if moment is not None:
        return Fate("no_news", (f"{here}, and {_not_given(case, table, visit, moment.fact)}.",))
    return Fate("left", (f"{here}, and it was not due there.",))


def _not_given(case: Case, table: TrackTable, visit: Visit, name: str) -> str:
    """Say that a fact was not known while an instance was at a stage, or came only with what led on."""
    by = None if visit.left is None else visit.left.by
    fact = table.track.facts.get(name) or case.machine.policy.facts[name]
    touched = None if by is None else case.log.get((by.source, by.id))
    if by is not None and touched is not None and by.type in fact.fields:
        field = fact.fields[by.type]
        if not field or field in case.machine.types[by.type].read(touched).data:
            return f"{name} came only with what led on from there, {touchpoint(by)}"
    return f"no touchpoint gave {name} there"


def _of_step(case: Case, table: TrackTable, visit: Visit, step: Step) -> Fate:
    at = when(case.machine, step.at)
    if step.what == "opened":
        return _of_task(case, step)
    if step.what == "dropped":
        due = f" before {when(case.machine, step.due)}, when it was due" if step.due is not None else ""
        on = "as time passed" if step.by is None else f"on {touchpoint(step.by)}"
        place = place_of(table.name, step.key)
        return Fate("left", (f"{at}: {place} left {quoted(visit.stage)}{due}, {on}.",))
    rule = table.stages[visit.stage].rules[step.name]
    if step.what == "waits":
        held = holds_in_words(case.machine, rule, tuple(step.detail.split()[1:]))
        return Fate("waiting", (f"{at}: it had to wait for {held}.",))
    on = "" if step.by is None else f", on {touchpoint(step.by)}"
    what = "was not asked" if "later/" not in step.name else "did not move it"
    is_stopped = step.detail == "stopped"
    why = stops_in_words(case.machine, rule, "did") if is_stopped else REASONS.get(step.detail, step.detail)
    return Fate("stopped" if is_stopped else "refused", (f"{at}: {step.name} {what}: {why}{on}.",))


def _of_task(case: Case, opened: Step) -> Fate:
    """Say that a task was asked, and how it stands or ended."""
    asked = f"{when(case.machine, opened.at)}: {opened.name} was asked ({opened.task_id})"
    task = case.person.state.tasks.get(opened.task_id)
    if task is not None:
        return Fate("now", (f"{asked}. It is open, to be done by {when(case.machine, task.due_at)}.",))
    ending = case.story.endings.get(opened.task_id)
    if ending is None:
        return Fate("over", (f"{asked}.",))
    if ending.detail == BEFORE_START:
        was_due = f"{when(case.machine, opened.at)}: {opened.name} was to be asked ({opened.task_id})"
        return Fate("over", (f"{was_due}. It was due before {the_start(case.machine)}, so it is not asked.",))
    on = "as time passed" if ending.by is None else f"on {touchpoint(ending.by)}"
    ended = "expired" if ending.what == "expired" else f"was {ending.what}"
    return Fate("over", (f"{asked}. It {ended} on {when(case.machine, ending.at)}, {on}.",))


def _ahead(case: Case, table: TrackTable, visit: Visit, rule: Rule, key: str) -> Fate | None:
    """Say when time will look at a rule, where the instance is still there; None where it will not."""
    if visit.left is not None:
        return None
    instance = case.person.state.tracks[table.name][key]
    waits = [
        each.wanted_at
        for each in case.person.state.waiting.values()
        if (each.track, each.key, each.rule, each.entry) == (table.name, key, rule.name, instance.entry())
    ]
    due = waits[0] if waits else instance.pending.get(rule.name)
    if due is not None:
        return _coming(case, table, instance, key, rule, from_microseconds(due))
    moment = spec_of(rule).at
    if moment is not None and rule.name not in instance.spent and rule.name not in instance.counts:
        return Fate("no_news", (f"It has no date: {moment.fact} is not known yet.",))
    return None


def _coming(case: Case, table: TrackTable, instance: Instance, key: str, rule: Rule, due: datetime) -> Fate:
    """Say what becomes of a rule that is due at a known moment, as things stand."""
    ahead = case.ahead
    coming = ahead.foresight.coming(table.name, key, rule)
    besides = ahead.besides(table, key, instance, rule, coming)
    guard = ahead.guard(rule, coming)
    yet = "Not due yet" if due > case.person.at else "Not asked yet"
    here = f"{yet}: {place_of(table.name, key)} is at {quoted(instance.stage)}"
    if coming.what in ("opens", "moves") and coming.at is not None:
        what = "it is asked" if rule.move is None else "time moves it"
        return Fate("waiting", (f"{here}, and {what} on {ahead.when(coming.at)}{guard}.{besides}",), coming.at)
    would = "would be asked" if rule.move is None else "time would move it"
    what = f"it {would}" if rule.move is None else would
    verdict: Verdict = "waiting"
    if coming.what == "left":
        verdict = "left"
    elif coming.what == "refused":
        verdict = "stopped" if coming.passed[0].detail == "stopped" else "refused"
    return Fate(
        verdict, (f"{here}, and {what} on {ahead.when(due)}{guard}.{besides}",), None if verdict == "left" else due
    )


def _of_parent(case: Case, table: TrackTable, visit: Visit, rule: Rule, key: str) -> Fate:
    """Say why an escalation was not asked: what became of the task before it."""
    name = rule.name.rpartition("/or_else")[0]
    fate = _in_visit(case, table, visit, table.stages[visit.stage].rules[name], key)
    because = (f"It is asked only when {name} expires.", *fate.because)
    if visit.left is not None or fate.verdict not in ("now", "waiting"):
        return Fate("over" if fate.verdict == "now" else fate.verdict, because)
    coming = case.ahead.foresight.coming(table.name, key, rule)
    if coming.what == "opens" and coming.at is not None:
        return Fate(
            "waiting", (*because, f"If nobody does it, this is asked on {case.ahead.when(coming.at)}."), coming.at
        )
    instance = case.person.state.tracks[table.name][key]
    besides = case.ahead.besides(table, key, instance, rule, coming).strip()
    verdict: Verdict = "waiting"
    if coming.what == "refused":
        verdict = "stopped" if coming.passed[0].detail == "stopped" else "refused"
    elif coming.what == "left":
        verdict = "left"
    return Fate(verdict, (*because, besides))
