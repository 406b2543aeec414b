"""The text of taking a touchpoint in, by type.

What a type means for each track is known when a policy is compiled, so the whole of it is one function for each type:
that its data fit, which instances it reaches or begins, which of their facts take it in, then the facts of the person,
then the choices, and what is done by it. What is the same for all types is asked of the fold (fold/steps.py, in the
text `steps`). How facts take it in stands in remembering.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lifecycle.rules.compiled.guards import NOTHING
from lifecycle.rules.compiled.machine import CHANGED, SETTLED, Take, Taker, TrackTable
from lifecycle.rules.compiled.remembering import taker_lines
from lifecycle.rules.compiled.writing import Writer, indented


class Reach(NamedTuple):
    """What one type means for one track: may it begin an instance, and how its facts take it in, each with its guard.

    A guard is the text of one ("" for none). `is_followed`: such a fact decides when a rule of the track is due.
    """

    table: TrackTable
    begins: bool
    takers: Sequence[tuple[Taker, str]]
    is_followed: bool


class Meaning(NamedTuple):
    """What is written out of one type. `fields` are the names of its fields in the text, `fits` the lines that set
    whether its data fit.

    `takers` are the facts of the person that take it in. `is_hidden`: a key of it may name an instance of a track that
    it does not reach. `does`: there are tasks that it does. `is_whole`: where its data fit, each field is there.
    """

    name: str
    fields: Mapping[str, str]
    fits: Sequence[str]
    reaches: Sequence[Reach]
    takers: Sequence[tuple[Taker, str]]
    is_hidden: bool
    does: bool
    is_outcome: bool
    is_whole: bool


def take_function(writer: Writer, meaning: Meaning, shapes: Mapping[str, Meaning]) -> Take:
    """Return the function that takes in a touchpoint of a type (machine.Take).

    `shapes` are what it means where it has one optional field, by that field, and nothing else that is optional: then
    nothing of the others is looked at.
    """
    lines = ["data = touchpoint.data"]
    for key, shape in shapes.items():
        taken = ["data = touchpoint.data", *_take_lines(writer, shape, ["return False"]), "return True"]
        take = writer.function("take", _ARGUMENTS, taken, f"{meaning.name} comes with {key} alone")
        size = f"if {writer.constant(len, 'count')}(data) == {len(shape.fields)}:"
        lines += [] if size in lines else [size]
        lines += [f"    if {key!r} in data and {writer.constant(take, 'take')}({_ARGUMENTS}): return None"]
    unfit = ["touchpoint = steps.fitted(work, table, touchpoint)", "data = touchpoint.data", *_field_lines(meaning)]
    return writer.function("take", _ARGUMENTS, [*lines, *_take_lines(writer, meaning, unfit)], f"{meaning.name} comes")


_ARGUMENTS = "work, table, touchpoint, at, steps"


def _field_lines(meaning: Meaning) -> list[str]:
    return [f"{field} = data.get({name!r})" for name, field in meaning.fields.items()]


def _take_lines(writer: Writer, meaning: Meaning, unfit: Sequence[str]) -> list[str]:
    """Return the lines that take in `data`; `unfit` are those of what is done where not all of them count."""
    fields = meaning.fields
    reached = [_Reached(writer, meaning, reach, number) for number, reach in enumerate(meaning.reaches, start=1)]
    nothing = writer.constant(NOTHING, "nothing")
    takers = taker_lines(writer, fields, meaning.takers)
    body = [line for each in reached for line in each.touched()]
    body += [f"v.own = {nothing}", "v.key = ''"] if _looks(takers) else []
    body += ["held = state.facts", *takers] if takers else []
    body += [line for each in reached for line in each.decided()]
    named = ", ".join(each.named() for each in reached)
    body += [f"if is_told: steps.told_of_choices(work, data, at, ({named},))"] if named else []
    if meaning.does:
        body += ["if state.tasks or state.waiting or work.due <= at: steps.complete(work, table, touchpoint, at)"]
    body += ["steps.take_outcome(work, touchpoint, work.origin())"] if meaning.is_outcome else []
    body += [line for each in reached for line in each.applied()]
    missed = _missed(meaning, reached)
    body += [f"if {missed}: steps.label_reach(work, table, touchpoint)"] if missed else []

    lines = [*_field_lines(meaning), *meaning.fits, "if not fits:", *indented(unfit)]
    lines += ["state = work.state", "is_told = work.is_told"]
    lines += [] if meaning.is_outcome else ["if state.begun_at is None: state.begun_at = at"]
    lines += ["if is_told: steps.told_before(work, table, touchpoint)"]
    lines += ["v = work.seen", "v.data = data", "v.at = at"] if _looks(body) else []
    lines += ["tracks = state.tracks"] if reached or any("in tracks" in line for line in takers) else []
    return [*lines, *body, f"if work.dirty & {SETTLED} or work.asked.is_stirred: steps.settle(work, at)"]


def _looks(lines: Sequence[str]) -> bool:
    """Tell whether lines hand out the view, or look at more of it than the data."""
    return any(_VIEW.search(line) for line in lines)


_VIEW = re.compile(r"\bv\b")
"""The view, in a line; a word of the policy may look so too, and then it is set for nothing."""


def _missed(meaning: Meaning, reached: Sequence[_Reached]) -> str:
    """Return the text of whether a key of a touchpoint may name no instance, or it may have none; "" for neither."""
    keyed = [each for each in reached if each.field is not None]
    if meaning.is_hidden:
        return "True"
    if len({each.field for each in keyed}) < 2:
        return " or ".join(f"{each.instance} is None" for each in keyed)
    missed = [f"({each.key} is not None and {each.instance} is None)" for each in keyed]
    nowhere = " and ".join(f"{each.instance} is None" for each in keyed)
    return " or ".join([*missed, f"({nowhere})"])


class _Reached:
    """The lines about one track that a type reaches, each name of them with a number of its own."""

    def __init__(self, writer: Writer, meaning: Meaning, reach: Reach, number: int) -> None:
        self._writer, self._meaning, self._reach = writer, meaning, reach
        table, type_name = reach.table, meaning.name
        self.field = table.field
        self.key = "''" if table.field is None else meaning.fields[table.field]
        self._track = writer.constant(table, "track")
        upon = {stage.name: stage.upon[type_name] for stage in table.stages.values() if type_name in stage.upon}
        sole = {name: choices.sole for name, choices in upon.items() if choices.sole is not None}
        chosen = {name: choices.choose for name, choices in upon.items() if choices.choose is not None}
        self.instance = f"instance_{number}"
        self._new = f"is_new_{number}"
        self._choice = f"choice_{number}" if sole or chosen else "None"
        self._choose = f"choose_{number}" if chosen else ""
        self._upon = [f"{self._choice} = {writer.constant(sole, 'sole')}.get({self.instance}.stage)"] if sole else []
        if chosen:
            self._upon += [f"{self._choose} = {writer.constant(chosen, 'chosen')}.get({self.instance}.stage)"]
        self._is_found = bool(upon or reach.takers)

    def touched(self) -> list[str]:
        """Return the lines that find the instance, or begin one, and let its facts take the touchpoint in."""
        name, instance = repr(self._reach.table.name), self.instance
        unset = [each for each in (instance, self._choice, self._choose) if each not in ("", "None")]
        lines = [f"{' = '.join(unset)} = None"]
        begun = self._begun() if self._reach.begins else []
        if self._reach.begins and (self._is_found or self.field is not None):
            lines += [f"{self._new} = False"]
        found = [*self._own_lines(), *self._upon]
        if self.field is None:
            if not self._is_found:
                return [*lines, f"if {name} not in tracks:", *indented(begun)]
            found = [f"{instance} = tracks[{name}]['']", *found]
            return [*lines, f"if {name} in tracks:", *indented(found), *(["else:", *indented(begun)] if begun else [])]
        there = [f"if {name} in tracks: {instance} = tracks[{name}].get({self.key})"]
        if found:
            there += [f"if {instance} is not None:", *indented(found), *(["else:", *indented(begun)] if begun else [])]
        elif begun:
            there += [f"if {instance} is None:", *indented(begun)]
        return [*lines, *(there if self._meaning.is_whole else [f"if {self.key} is not None:", *indented(there)])]

    def decided(self) -> list[str]:
        """Return the lines that decide between the choices of an instance."""
        if not self._choose:
            return []
        view = [f"v.own = {self.instance}.facts", f"v.key = {self.key}", f"{self._choice} = {self._choose}(v)"]
        return [f"if {self._choose} is not None:", *indented(view)]

    def named(self) -> str:
        """Return the text of what is told about it."""
        return f"({self._track}, {self.key}, {self.instance}, {self._choice})"

    def applied(self) -> list[str]:
        """Return the lines that begin it or move it."""
        given = f"work, {self._track}, {self.key}, {self.instance}, {self._choice}, at"
        move = [f"if {self._choice} is not None: steps.move({given})"] if self._upon else []
        if not self._reach.begins:
            return move
        new = self._new if self._is_found or self.field is not None else f"{self.instance} is not None"
        return [f"if {new}:", *indented(self._begun_lines(given)), *(f"el{line}" for line in move)]

    def _begun_lines(self, given: str) -> list[str]:
        """Return the lines by which a new instance is among the others, in the stage where it stands then."""
        table, instance, key = self._reach.table, self.instance, self.key
        first = table.stages[table.start].upon.get(self._meaning.name)
        if first is not None and first.choose is not None:
            return [f"steps.begun({given})"]
        stage = table.stages[table.start if first is None or first.sole is None else str(first.sole.target)]
        lines = [f"tracks[{table.name!r}] = {{{key}: {instance}}}"]
        if self.field is not None:
            among = f"tracks[{table.name!r}][{key}] = {instance}"
            lines = [f"if {table.name!r} in tracks: {among}", f"else: {lines[0]}"]
        lines += [f"{instance}.stage = {stage.name!r}"] if stage.name != table.start else []
        entered = f"{self._writer.constant(stage.enter, 'enter')}(work, {instance}, {key}, at)"
        rests = f"steps.watch(work, {self._track}, {key}, {instance}, {self._writer.constant(stage, 'stage')})"
        lines += [f"if not {entered}: {rests}" if not stage.rules else entered]
        return [*lines, f"if is_told: steps.told_of_beginning({given})"]

    def _begun(self) -> list[str]:
        lines = [f"{self.instance} = steps.begin(work, {self._track}, table, data)"]
        if not self._is_found and self.field is None:
            return lines
        begun = [f"{self._new} = True", *self._own_lines(), *self._first()]
        return [*lines, f"if {self.instance} is not None:", *indented(begun)]

    def _first(self) -> list[str]:
        """Return the line of what the touchpoint that an instance begins with does to it."""
        stage = self._reach.table.stages[self._reach.table.start]
        first = stage.upon.get(self._meaning.name)
        if first is None:
            return []
        if first.choose is not None:
            return [f"{self._choose} = {self._writer.constant(first.choose, 'choose')}"]
        return [f"{self._choice} = {self._writer.constant(first.sole, 'choice')}"] if first.sole is not None else []

    def _own_lines(self) -> list[str]:
        """Return the lines by which the facts of an instance take the touchpoint in."""
        reach, besides = self._reach, ["is_any = True"] if self._reach.is_followed else []
        takers = taker_lines(self._writer, self._meaning.fields, reach.takers, *besides)
        if not takers:
            return []
        lines = [f"held = {self.instance}.facts"]
        lines += ["v.own = held", f"v.key = {self.key}"] if _looks(takers) else []
        if not besides:
            return [*lines, *takers]
        changed = [f"work.changed.append(({reach.table.name!r}, {self.key}))", f"work.dirty = work.dirty | {CHANGED}"]
        return [*lines, "is_any = False", *takers, "if is_any:", *indented(changed)]
