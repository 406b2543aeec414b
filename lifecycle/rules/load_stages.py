"""Reading stages: what touchpoints do, what time does, and which tasks are asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from lifecycle.rules.document import Node, Scalar, Table
from lifecycle.rules.findings import Place
from lifecycle.rules.load_guards import GuardReader
from lifecycle.rules.names import PERSON, Names, Reading, Scope, is_built_in, types_named
from lifecycle.rules.policy import By, Choice, Every, Guard, Moment, Stage, TaskRule, TimedMove
from lifecycle.rules.schedule import Duration

_MOMENT = re.compile(r"^(.+) (before|after) ([a-z][a-z0-9_]*)$")
_NOT_YET = {"contact": "kinds of contact"}
TASK_KEYS = (
    "ask",
    "after",
    "at",
    "every",
    "when",
    "due",
    "by",
    "done_by",
    "expires",
    "or_else",
    "stays",
    "formerly",
)
STAGE_KEYS = ("means", "upon", "tasks", "later", "review", "watched_by", "loss", "formerly")
REVIEW_ASK = "Look again whether this is still right."


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a task is that does not say."""

    by: str = "owner"
    due: Duration = Duration(3, "day")
    expires: Duration = Duration(30, "day")


Upon = tuple[dict[str, tuple[Choice, ...]], dict[By, tuple[Choice, ...]]]


class StageReader:
    """Reads the stages of tracks. One for each policy."""

    def __init__(self, reading: Reading, guards: GuardReader, names: Names, defaults: Defaults) -> None:
        self.reading = reading
        self.findings = reading.findings
        self.guards = guards
        self.names = names
        self.defaults = defaults

    def upon(self, node: Node | None, track: str, what: str, place: Place) -> Upon:
        """Return what touchpoints do: choices by type, and choices by who did it (`any by`)."""
        table = self.reading.table(node, f'"upon" of {what}', place)
        by_type: dict[str, tuple[Choice, ...]] = {}
        by_whom: dict[By, tuple[Choice, ...]] = {}
        for name, choices in table.entries.items():
            at = table.places[name]
            types = types_named(name, self.names)
            if types is None:
                self.findings.unknown(at, "unknown-type", name, "a touchpoint", self.names.types)
                continue
            self.keyed(types, track, at, name)
            read = self.guards.choices(choices, Scope(types, track), word="to", otherwise="A stage to go to")
            stages = self.names.tracks[track].stages
            for choice in read:
                if choice.target not in (*stages, "stay"):
                    self.findings.unknown(
                        choice.place, "unknown-stage", str(choice.target), f"a stage of {track}", stages
                    )
            if name.startswith("any by "):
                by_whom[name[7:]] = read  # type: ignore[index]  # types_named allows the three only
            else:
                by_type[name] = read
        return by_type, by_whom

    def keyed(self, types: tuple[str, ...], track: str, place: Place, what: str) -> None:
        """Report a type that cannot reach an instance because it does not carry the track's key."""
        per = self.names.tracks[track].per
        if per != PERSON and not any(self.names.types[each].field(per) for each in types):
            self.findings.add(
                place,
                "no-key",
                f'"{what}" has no field "{per}", so it never reaches {track}. Add the field or take it out.',
            )

    def stage(self, name: str, node: Node, track: str, place: Place) -> Stage:
        """Return one stage."""
        what = f"the stage {track}.{name}"
        body = self.reading.table(node, what, place)
        self.reading.keys(body, "a stage", STAGE_KEYS)
        slot = self.reading.text(body, "formerly", what, default=name)
        by_type, by_whom = self.upon(body.entries.get("upon"), track, what, place)
        tasks = []
        tasks_table = self.reading.table(body.entries.get("tasks"), f'"tasks" of {what}', place)
        for task, task_node in tasks_table.entries.items():
            at = tasks_table.places[task]
            if task in ("review", "later") or "/" in task:
                self.findings.add(at, "name", f'A task cannot be called "{task}". Choose another word.')
            tasks.append(self.task(task, task_node, track, slot, at, parent=None))
        later = self.later(body.entries.get("later"), track, slot)
        review = (
            self.review(body.entries["review"], track, slot, body.places["review"])
            if "review" in body.entries
            else None
        )
        watched_by = self.reading.text(body, "watched_by", what, default="") or None
        if watched_by is not None and watched_by not in self.names.tracks:
            self.findings.unknown(
                body.places["watched_by"], "unknown-track", watched_by, "a track", self.names.tracks
            )
        if not later and review is None and watched_by is None:
            self.findings.add(
                place,
                "no-way-out",
                f'Nothing moves a person out of "{name}" but news, and news may not come. Add later, review or watched_by.',
            )
        return Stage(
            name=name,
            means=self.reading.text(body, "means", what),
            upon=by_type,
            any_by=by_whom,
            tasks=tuple(tasks),
            later=later,
            review=review,
            watched_by=watched_by,
            loss=self.reading.flag(body, "loss", what),
            place=place,
        )

    def later(self, node: Node | None, track: str, slot: str) -> tuple[TimedMove, ...]:
        """Return the timed moves of a stage, in file order."""
        moves: list[TimedMove] = []
        stages = self.names.tracks[track].stages
        for item in self.reading.listing(node):
            body = self.reading.table(item, 'A line of "later"', item.place)
            self.reading.keys(body, "a timed move", ("after", "at", "to", "when", "name"))
            to = self.reading.text(body, "to", "a timed move")
            if to and to not in stages:
                self.findings.unknown(body.places["to"], "unknown-stage", to, f"a stage of {track}", stages)
            name = self.reading.text(body, "name", "a timed move", default=to)
            if any(move.name == f"later/{name}" for move in moves):
                self.findings.add(
                    item.place, "twice", f'Two timed moves are called "{name}". Give one a "name:".'
                )
            if ("after" in body.entries) == ("at" in body.entries):
                self.findings.add(item.place, "timed-move", 'A timed move has either "after" or "at".')
            when = self.guard(body, track)
            after, at = self.reading.duration_of(body, "after"), self.moment(body, track)
            moves.append(TimedMove(f"later/{name}", f"{slot}.later/{name}", to, after, at, when, item.place))
        return tuple(moves)

    def guard(self, body: Table, track: str) -> Guard | None:
        """Return the guard of a timer, which sees no touchpoint."""
        when = body.entries.get("when")
        return None if when is None else self.guards.guard(when, Scope(None, track))

    def fact(self, name: str, track: str, place: Place, kinds: tuple[str, ...]) -> str:
        """Check that a fact is known here and is a time or a date."""
        known = {**self.names.facts, **self.names.tracks[track].facts}
        if name not in known:
            self.findings.unknown(place, "unknown-fact", name, "a fact", known)
        elif known[name].kind not in kinds:
            self.findings.add(place, "no-time", f'The fact "{name}" is no time and no date. Use one that is.')
        return name

    def moment(self, body: Table, track: str) -> Moment | None:
        """Return `at`: a fact, or so long before or after one."""
        node = body.entries.get("at")
        if node is None:
            return None
        text = node.value if isinstance(node, Scalar) and isinstance(node.value, str) else ""
        match = _MOMENT.match(text)
        if match is None:
            return Moment(self.fact(text, track, node.place, ("time", "date")), None, "after")
        duration = self.reading.duration(match[1], node.place)
        fact = self.fact(match[3], track, node.place, ("time", "date"))
        return Moment(fact, duration, match[2])  # type: ignore[arg-type]  # the pattern allows the two only

    def every(self, body: Table, track: str) -> Every | None:
        """Return `every`: a period, or a period after a fact."""
        node = body.entries.get("every")
        if node is None:
            return None
        text = node.value if isinstance(node, Scalar) and isinstance(node.value, str) else ""
        head, after, fact = text.partition(" after ")
        period = self.reading.duration(head, node.place)
        if period is None:
            return None
        if period.number == 0:
            self.findings.add(node.place, "duration", '"every" needs a period longer than nothing.')
        return Every(period, self.fact(fact, track, node.place, ("time",)) if after else None)

    def due(self, body: Table, track: str) -> Duration | str:
        """Return `due`: a duration from opening, or the fact that says when."""
        node = body.entries.get("due")
        if node is None:
            return self.defaults.due
        text = node.value if isinstance(node, Scalar) and isinstance(node.value, str) else ""
        known = {**self.names.facts, **self.names.tracks[track].facts}
        if text in known:
            return self.fact(text, track, node.place, ("time", "date"))
        return self.reading.duration(text, node.place) or self.defaults.due

    def done_by(self, node: Node | None, track: str) -> Mapping[str, Guard | None]:
        """Return which types complete the task, each with its guard."""
        found: dict[str, Guard | None] = {}
        for item in self.reading.listing(node):
            if isinstance(item, Table):
                named = [(name, item.places[name], guard) for name, guard in item.entries.items()]
            else:
                named = [(word, place, None) for word, place in self.reading.words(item, '"done_by"')]
            for name, place, guard in named:
                types = types_named(name, self.names)
                if types is None:
                    self.findings.unknown(place, "unknown-type", name, "a touchpoint", self.names.types)
                    continue
                self.keyed(types, track, place, name)
                for each in types:
                    if is_built_in(each):
                        self.findings.add(
                            place, "built-in", f'"{each}" closes every task anyway. Take it out.'
                        )
                    found[each] = None if guard is None else self.guards.guard(guard, Scope((each,), track))
        return found

    def task(
        self, name: str, node: Node, track: str, slot: str, place: Place, *, parent: TaskRule | None
    ) -> TaskRule:
        """Return one task rule with its escalation; `parent` is the rule whose expiry opens it."""
        what = f"the task {name}"
        body = self.reading.table(node, what, place)
        self.reading.keys(body, "a task", TASK_KEYS, _NOT_YET)
        for key in ("after", "at", "every", "when"):
            if parent is not None and key in body.entries:
                self.findings.add(
                    body.places[key],
                    "or-else",
                    f'An "or_else" opens when the task expires. Take "{key}" out.',
                )
        own = self.reading.text(body, "formerly", what, default=name.rpartition("/")[2])
        slot_name = f"{slot}.{own}" if parent is None else f"{parent.slot_name}/or_else"
        rule = TaskRule(
            name=name,
            slot_name=slot_name,
            ask=self.reading.text(body, "ask", what),
            by=self.reading.text(body, "by", what, default=self.defaults.by),
            after=self.reading.duration_of(body, "after"),
            at=self.moment(body, track),
            every=self.every(body, track),
            when=self.guard(body, track),
            due=self.due(body, track),
            expires=self.reading.duration_of(body, "expires") or self.defaults.expires,
            done_by=self.done_by(body.entries["done_by"], track)
            if "done_by" in body.entries
            else (parent.done_by if parent is not None else {}),
            or_else=None,
            stays=self.reading.flag(body, "stays", what) or (parent is not None and parent.stays),
            is_review=False,
            place=place,
        )
        if "or_else" not in body.entries:
            return rule
        or_else = self.task(
            f"{name}/or_else", body.entries["or_else"], track, slot, body.places["or_else"], parent=rule
        )
        return replace(rule, or_else=or_else)

    def review(self, node: Node, track: str, slot: str, place: Place) -> TaskRule:
        """Return the review of a rest as the repeated task that it is."""
        body = self.reading.table(node, "A review", place)
        self.reading.keys(body, "a review", ("every", "ask", "by"))
        every = self.every(body, track)
        if "every" not in body.entries:
            self.findings.add(place, "missing", 'A review needs "every:", such as every: 1 year.')
        return TaskRule(
            name="review",
            slot_name=f"{slot}.review",
            ask=self.reading.text(body, "ask", "a review", default=REVIEW_ASK),
            by=self.reading.text(body, "by", "a review", default=self.defaults.by),
            after=None,
            at=None,
            every=every or Every(Duration(1, "year"), None),
            when=None,
            due=self.defaults.due,
            expires=self.defaults.expires,
            done_by={},
            or_else=None,
            stays=False,
            is_review=True,
            place=place,
        )
