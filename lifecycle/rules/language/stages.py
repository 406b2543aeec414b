"""Reading stages: what touchpoints do, what time does, and which tasks are asked for."""

from __future__ import annotations

from lifecycle.rules.language.document import Node
from lifecycle.rules.language.findings import Place, shown
from lifecycle.rules.language.names import Scope
from lifecycle.rules.language.policy import By, Choice, Stage, TimedMove
from lifecycle.rules.language.tasks import TaskReader

STAGE_KEYS = ("means", "upon", "tasks", "later", "review", "watched_by", "loss", "formerly")

Upon = tuple[dict[str, tuple[Choice, ...]], dict[By, tuple[Choice, ...]]]


class StageReader(TaskReader):
    """Reads the stages of tracks. One for each policy."""

    def upon(self, node: Node | None, track: str, what: str, place: Place) -> Upon:
        """Return what touchpoints do: choices by type, and choices by who did it (`any by`)."""
        table = self.reading.table(node, f'"upon" of {what}', place)
        by_type: dict[str, tuple[Choice, ...]] = {}
        by_whom: dict[By, tuple[Choice, ...]] = {}
        for name, choices in table.entries.items():
            at = table.places[name]
            types = self.reading.types(name, at, self.names)
            if not types:
                continue
            self.keyed(types, track, at, name)
            read = self.guards.choices(choices, Scope(types, track), word="to", otherwise="A stage to go to")
            for choice in read:
                if choice.target != "stay":
                    self.known_stage(choice.target, track, choice.place)
            if name.startswith("any by "):
                by_whom[name[7:]] = read  # type: ignore[index]  # types_named allows the three only
            else:
                by_type[name] = read
        return by_type, by_whom

    def known_stage(self, name: str | bool, track: str, place: Place) -> None:
        """Report a target that is no stage of the track ("" was reported before)."""
        stages = self.names.tracks[track].stages
        if name != "" and name not in stages:
            said = name if isinstance(name, str) else str(name).lower()
            self.findings.unknown(place, "unknown-stage", said, f"a stage of {track}", stages)

    def stage(self, name: str, node: Node, track: str, place: Place) -> Stage:
        """Return one stage."""
        what = f"the stage {track}.{name}"
        body = self.reading.table(node, what, place)
        self.reading.keys(body, "a stage", STAGE_KEYS)
        slot = self.slot(body, track, name, place)
        by_type, by_whom = self.upon(body.entries.get("upon"), track, what, place)
        self.slots[f"{track}.{slot}", "review"] = "review"
        tasks = []
        tasks_table = self.reading.table(body.entries.get("tasks"), f'"tasks" of {what}', place)
        for task, task_node in tasks_table.entries.items():
            at = tasks_table.places[task]
            if task in ("review", "later", "or_else"):
                self.findings.add(at, "name", f'A task cannot be called "{task}". Choose another word.')
            self.reading.name(task, at, "a task")
            tasks.append(self.task(task, task_node, track, slot, at, parent=None))
        later = self.later(body.entries.get("later"), track, slot)
        review = (
            self.review(body.entries["review"], track, slot, body.places["review"])
            if "review" in body.entries
            else None
        )
        watched_by = self.reading.text(body, "watched_by", what, default="") or None
        if watched_by is not None and watched_by not in self.names.tracks:
            place_of = body.entries["watched_by"].place
            self.findings.unknown(place_of, "unknown-track", watched_by, "a track", self.names.tracks)
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
            places=body.places,
        )

    def later(self, node: Node | None, track: str, slot: str) -> tuple[TimedMove, ...]:
        """Return the timed moves of a stage, in file order."""
        moves: list[TimedMove] = []
        taken: set[str] = set()
        for item in self.reading.listing(node):
            body = self.reading.table(item, 'A line of "later"', item.place)
            self.reading.keys(body, "a timed move", ("after", "at", "to", "when", "name"))
            to = self.reading.text(body, "to", "a timed move")
            self.known_stage(to, track, body.entries.get("to", body).place)
            name = self.reading.text(body, "name", "a timed move", default=to)
            if "name" in body.entries and name:
                self.reading.name(name, body.entries["name"].place, "a timed move")
            if name in taken:
                message = f'Two timed moves are called "{shown(name)}". Give one a "name:".'
                self.findings.add(item.place, "twice", message)
            taken.add(name)
            if ("after" in body.entries) == ("at" in body.entries):
                self.findings.add(item.place, "timed-move", 'A timed move has either "after" or "at".')
            when = self.guard(body, track)
            after, at = self.reading.duration_of(body, "after"), self.moment(body, track)
            slot_name = f"{slot}.later/{name}"
            moves.append(TimedMove(f"later/{name}", slot_name, to, after, at, when, item.place, body.places))
        return tuple(moves)
