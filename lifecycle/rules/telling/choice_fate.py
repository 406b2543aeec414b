"""The ways into a stage, and what became of each for one instance: lines of lists, and time.

Part of why_not.py, which hands in the case. Pure; nothing here decides, it reads what the fold wrote down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lifecycle.rules.compiled.machine import Machine, Rule, TrackTable, spec_of, when
from lifecycle.rules.compiled.refusal import guard_in_words
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.language.findings import line_of
from lifecycle.rules.language.policy import Choice
from lifecycle.rules.language.vocabulary import misfits_in_words
from lifecycle.rules.state.snapshot import Origin
from lifecycle.rules.telling.fates import Case, Fate, last_times
from lifecycle.rules.telling.rule_fate import fate_of_rule
from lifecycle.rules.telling.standing import move_in_words, reaching
from lifecycle.rules.telling.wording import begins_in_words, listed, place_of, quoted, rule_in_words, touchpoint


@dataclass(frozen=True, slots=True)
class Way:
    """One way into a stage: a line of a list (`choice`, on `types`) or time (`rule`), from the stages it counts in."""

    name: str
    line: int
    says: str
    stages: tuple[str, ...]
    types: tuple[str, ...] = ()
    choice: Choice | None = None
    rule: Rule | None = None


def ways_to(machine: Machine, table: TrackTable, target: str) -> list[Way]:
    """Return every way into a stage: lines in the order of stages, each with the stages where it counts, then time."""
    choices: dict[int, tuple[Choice, bool, dict[str, None], dict[str, None]]] = {}
    rules = []
    reach = reaching(machine, table)
    for stage in table.stages.values():
        for name, listing in stage.upon.items():
            for choice in listing.lines if name in reach else ():
                if choice.target == target:
                    found = choices.setdefault(id(choice), (choice, len(listing.lines) > 1, {}, {}))
                    found[2][name], found[3][stage.name] = None, None
        rules += [(stage.name, rule) for rule in stage.rules.values() if rule.move and rule.move.to == target]
    ways = [
        _way_of_choice(table, choice, shared, tuple(types), tuple(stages))
        for choice, shared, types, stages in choices.values()
    ]
    return ways + [_way_of_time(stage, rule) for stage, rule in rules]


def _way_of_choice(
    table: TrackTable, choice: Choice, shared: bool, types: tuple[str, ...], stages: tuple[str, ...]
) -> Way:
    others = [quoted(name) for name in table.stages if name not in stages]
    where = f"from {listed([quoted(each) for each in stages], 'or')}"
    if not others:
        where = "from every stage"
    elif len(others) < len(stages):
        where = f"from every stage but {listed(others, 'and')}"
    says = f"{where}, on {move_in_words(choice, types, shared)}"
    return Way(f"upon {listed(types, 'or')}", choice.place.line, says, stages, types, choice)


def _way_of_time(stage: str, rule: Rule) -> Way:
    spec = spec_of(rule)
    guard = "" if spec.when is None else f", if {guard_in_words(spec.when)}"
    says = f"{rule_in_words(rule, stage)}{guard} ({line_of(spec.place)})."
    return Way(f"{stage}.{rule.name}", spec.place.line, says, (stage,), rule=rule)


def fate_of_way(case: Case, table: TrackTable, way: Way, key: str) -> Fate:
    """Return what became of a way for one instance."""
    if way.rule is not None:
        return fate_of_rule(case, table, way.stages[0], way.rule, key)
    came = sorted((each for name in way.types for each in case.story.came.get(name, ())), key=lambda each: each[0])
    fates = [
        fate for position, step in came if (fate := _of_news(case, table, way, key, position, step.by)) is not None
    ]
    if fates:
        return last_times(fates)
    others = f" about {place_of(table.name, key)}" if came else ""
    return Fate("no_news", (f"{_never(way.types)}{others}.", _open_to(case, table, way, key)))


def _never(types: Sequence[str]) -> str:
    return f"No {listed(types, 'and no')} has come"


def _open_to(case: Case, table: TrackTable, way: Way, key: str) -> str:
    """Say whether this way could be gone from where the instance is now."""
    stage = case.person.state.tracks[table.name][key].stage
    counts = "this would move it" if stage in way.stages else "this does not count"
    return f"{place_of(table.name, key)} is at {quoted(stage)}, where {counts}."


def _of_news(case: Case, table: TrackTable, way: Way, key: str, position: int, by: Origin | None) -> Fate | None:
    """Return what a touchpoint of the right type did to an instance by this way; None: it was about another one."""
    assert by is not None
    news = f"{when(case.machine, by.occurred_at)}: {touchpoint(by)} came"
    fit = case.machine.types[by.type].read(case.log[by.source, by.id])
    if table.field is not None:
        value = fit.data.get(table.field)
        if value is None:
            said = f" ({misfits_in_words(fit.misfits)})" if fit.misfits else ""
            return Fate("no_news", (f"{news} without a {table.field}{said}, so it was about no {table.name}.",))
        if value != key:
            return None
    place = place_of(table.name, key)
    for step in case.story.reactions(by, table.name, key):
        if step.choice is way.choice:
            return _of_reaction(case, table, step, news)
    visit = case.story.visit_at(table.name, key, position)
    if visit is None:
        begun = case.story.visits[table.name, key][0].entered.by == by
        why = f"and began {place}, so that this line did not count yet" if begun else f"before {place} had begun"
        return Fate("not_there", (f"{news} {why}.",))
    return Fate("not_there", (f"{news} while {place} was at {quoted(visit.stage)}, where this line does not count.",))


def _of_reaction(case: Case, table: TrackTable, step: Step, news: str) -> Fate:
    if step.what == "moved":
        is_there = case.story.visits[table.name, step.key][-1].entered is step
        went = f"{news}, and {place_of(table.name, step.key)} went to {quoted(step.name)}"
        return Fate("now", (f"{went}, where it is.",)) if is_there else Fate("over", (f"{went}. It went on since.",))
    where = f"{news} while {place_of(table.name, step.key)} was at {quoted(step.name)}"
    return Fate("refused", (f"{where}: {step.detail}.",))


def fate_of_start(case: Case, table: TrackTable, key: str | None = None) -> Fate:
    """Return what became of beginning a track; with a key, of the instance that did begin."""
    begins = table.track.begins
    visits = case.story.visits.get((table.name, key or ""), ())
    if key is not None and visits:
        first = visits[0].entered
        began = f"{when(case.machine, first.at)}: {place_of(table.name, key)} began there, on {touchpoint(first.by)}"
        if len(visits) == 1:
            return Fate("now", (f"{began}, and is still there.",))
        return Fate("over", (f"{began}, and went on from there. It begins once.",))
    came = [step.by for name in begins for _, step in case.story.came.get(name, ()) if step.by is not None]
    fates = []
    for by in sorted(came, key=lambda each: each.occurred_at):
        misfits = case.machine.types[by.type].read(case.log[by.source, by.id]).misfits
        why = f"without a {table.field}" + (f" ({misfits_in_words(misfits)})" if misfits else "")
        fates.append(Fate("not_begun", (f"{when(case.machine, by.occurred_at)}: {touchpoint(by)} came {why}.",)))
    never = (
        f"{table.name} has not begun: it begins with {begins_in_words(case.machine, table.name)}, which has not come."
    )
    return last_times(fates) if fates else Fate("not_begun", (never,))
