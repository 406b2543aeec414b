"""Policies and histories drawn at random to break what the checker claims, and what broke: docs/proof.md held to its words.

A policy is drawn with everything that has once been a hole: news by us and by the system, losses entered again,
`every ... after` a fact, kinds of contact with budgets, quiet hours and stops of all sorts, waits of no length, settings
that depend on a fact, dates that may be missing. The compiled policy is asked, not the checker, what happens.
`python -m tests.rules.proof.claims 100000` tries so many histories.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random

from lifecycle.errors import PolicyRefused
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.fold.fold import fold
from lifecycle.rules.fold.obligations import next_obligation
from lifecycle.rules.fold.trail import Step
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.language.policy import Policy
from lifecycle.rules.proof.check import check_policy
from lifecycle.rules.state.snapshot import PersonState
from lifecycle.touchpoint import Touchpoint, order_key
from tests.rules.histories import at, touchpoint

HEAD = """\
policy: test
language: 1
calendar: {zone: Europe/Vienna, holidays: AT, hours: 09:00 to 17:00}
lanes: [{is: customer, customers: true, when: {fact.ever: true}}, {is: prospect}]
settings: {long: {depends_on: mood, good: 10 days, bad: 80 days}, short: {depends_on: mood, good: 0 days, bad: 2 days}}
contact:
  plain: {reaches: person}
  silent: {reaches: person, quiet: 21:00 to 08:00}
  few: {reaches: person, most: 1 per 60 days}
  stopped: {reaches: person, stops: STOPS}
touchpoints:
  thing.begun: {by: person, data: {thing: id, day: date within 1 year}}
  thing.told: {by: person, data: {thing: id}, optional: {until: date within 1 year}}
  thing.seen: {by: us, data: {thing: id}, optional: {until: date within 1 year}}
  thing.filed: {by: system, data: {thing: id}}
  contact.chosen: {by: person, data: {allows: [everything, nothing]}}
  letter.sent: {by: us}
facts:
  ever: {ever: thing.told}
  begun: {ever: thing.begun}
  lately: {count: thing.told, within: 30 days}
  heard: {last: any by person}
  written: {last: letter.sent}
  allows: {last: contact.chosen.allows}
  mood: {choose: [{is: good, when: {fact.ever: true}}, {is: bad}]}
tracks:
  watch:
    per: person
    start: here
    stages: {here: {means: Here., review: {every: 1 year}}}
  told:
    per: person
    start: quiet
    begins: [thing.begun]
    upon: {thing.told: spoke, thing.begun: stay}
    stages: {quiet: {means: Quiet., watched_by: watch}, spoke: {means: Spoke., watched_by: watch}}
  began:
    per: person
    start: new
    begins: [thing.begun]
    upon: {thing.begun: [{when: {fact.begun: true}, to: old}]}
    stages: {new: {means: New., watched_by: watch}, old: {means: Old., watched_by: watch}}
  thing:
    per: thing
    start: s0
    begins: thing.begun
    facts: {day: {last: thing.begun.day}, seen: {last: thing.seen}, until: {last: [thing.told.until, thing.seen.until]}}
    stages:
"""
STAGES = ("s0", "s1", "s2", "s3")
KEYED = ("thing.begun", "thing.told", "thing.seen", "thing.filed")
YEAR = timedelta(days=366, hours=1)

LONGEST = timedelta(days=800)
"""Longer than any wait, and than any date with a limit and the wait after it, from entry or the person's last word."""

Told = Callable[[Sequence[Touchpoint]], bool]


def _happened(type_name: str, **data: str) -> Told:
    return lambda before: any(each.type == type_name and data.items() <= each.data.items() for each in before)


STOPS: dict[str, Told] = {
    "{fact.allows: nothing}": _happened("contact.chosen", allows="nothing"),
    "{fact.ever: true}": _happened("thing.told"),
    "{fact.lately: {at_least: 1}}": _happened("thing.told"),
    "{any.thing: s3}": _happened("thing.begun"),
    "{stage.told: spoke}": _happened("thing.told"),
    **dict.fromkeys(
        [
            "{fact.allows: {given: false}}",
            "{fact.begun: true}",
            "{fact.ever: false}",
            "{fact.heard: {within: 90 days}}",
            "{fact.mood: bad}",
            "{none_of: [{fact.allows: everything}]}",
            "{none_of: [{fact.heard: {within: 90 days}}]}",
            "{stage.watch: here}",
            "{stage.began: old}",
            "{fact.written: {within: 90 days}}",
            "{none_of: [{fact.written: {within: 90 days}}]}",
        ],
        lambda before: False,
    ),
}
"""What stops a kind of contact, and whether somebody has said so."""

AFTER = (
    *("0 days", "1 hour", "1 day", "9 days", "30 days", "1 month", "90 days", "1 business day", "400 days"),
    *("$long", "$short", "2 business hours"),
)
AT = (
    "day",
    "5 days before day",
    "1 year after heard",
    "2 days after seen",
    "until",
    "60 days after written",
    "9 days after until",
)
WHEN = (", when: {fact.ever: true}", ", when: {fact.until: {given: true}}")


def policy_text(random: Random) -> tuple[str, str]:
    """Return a policy at random, and what stops one of its kinds of contact."""
    stops = random.choice(list(STOPS))
    stages = "".join(f"      {name}: {{{', '.join(_stage(random))}}}\n" for name in STAGES)
    return HEAD.replace("STOPS", stops) + stages, stops


def _stage(random: Random) -> Iterator[str]:
    yield "means: On."
    if random.random() < 0.35:
        yield "loss: true"
    moves = [_move(random, number) for number in range(random.choice((0, 1, 1, 2)))]
    if moves:
        yield f"later: [{', '.join(moves)}]"
    if not moves or random.random() < 0.3:
        yield random.choice(("review: {every: 1 year}", "review: {every: 100 days}", "watched_by: watch"))
    tasks = [f"t{number}: {_task(random)}" for number in range(random.choice((0, 1, 1, 2)))]
    if tasks:
        yield f"tasks: {{{', '.join(tasks)}}}"
    upon = {
        name: _target(random)
        for name in random.sample((*KEYED, "any by person", "any by us"), random.choice((0, 1, 2)))
    }
    if upon:
        yield f"upon: {{{', '.join(f'{name}: {to}' for name, to in upon.items())}}}"


def _target(random: Random) -> str:
    to = random.choice((*STAGES, "stay"))
    return to if random.random() < 0.7 else f"[{{when: {{fact.until: {{given: true}}}}, to: {to}}}, {{to: stay}}]"


def _move(random: Random, number: int) -> str:
    time = f"after: {random.choice(AFTER)}" if random.random() < 0.6 else f"at: {random.choice(AT)}"
    when = random.choice(WHEN) if random.random() < 0.2 else ""
    return f"{{{time}, to: {random.choice(STAGES)}, name: m{number}{when}}}"


def _task(random: Random) -> str:
    time = random.choice(
        ("", f"after: {random.choice(AFTER)}, ", f"after: {random.choice(AFTER)}, ", f"at: {random.choice(AT)}, ")
    )
    if random.random() < 0.25:
        after = random.choice(("", "", " after heard", " after written", " after day"))
        time = (
            time if "at:" not in time else ""
        ) + f"every: {random.choice(('30 days', '300 days', '$long'))}{after}, "
    parts = [
        f"contact: {random.choice(('plain', 'plain', 'silent', 'few', 'stopped', 'stopped'))}",
        *(["stays: true"] if random.random() < 0.2 else []),
        *([f"done_by: {random.choice(KEYED)}"] if random.random() < 0.2 else []),
    ]
    when = random.choice(WHEN) if random.random() < 0.1 else ""
    return f"{{{time}ask: Look, {', '.join(parts)}{when}}}"


def history(random: Random) -> list[Touchpoint]:
    """Return touchpoints at random about one thing or two, each begun before anything else is heard of it."""
    found: list[Touchpoint] = []
    hours, known = random.choice((0.0, 13.0)), set[str]()
    again = random.random() < 0.5
    gaps = (0.0, 1.0, 13.0, 24.0, 24.0 * 9, 24.0 * 29, 24.0 * 31, 24.0 * 200)
    gap, kind, thing = 0.0, "", ""
    for number in range(random.randint(1, 15 if again else 9)):
        # Half of the histories end in one kind of news that comes again and again.
        if not (again and number > 2):
            gap, thing = random.choice(gaps), random.choice(("x", "x", "y"))
            kind = random.choice((*KEYED[1:], *KEYED, "contact.chosen", "letter.sent"))
        hours += gap
        day = (at(hours) + timedelta(days=random.choice((-3, 20, 300)))).date().isoformat()
        what = kind
        if kind in KEYED and thing not in known:
            known.add(thing)
            what = "thing.begun"
        data: dict[str, str] = {"thing": thing} if what in KEYED else {}
        if what == "thing.begun":
            data["day"] = day
        elif what in ("thing.told", "thing.seen") and random.random() < 0.5:
            data["until"] = day
        elif what == "contact.chosen":
            data["allows"] = random.choice(("everything", "nothing"))
        found.append(touchpoint(f"t{number}", what, hours, **data))
    return sorted(found, key=order_key)


@dataclass
class Run:
    """What one history became by one policy."""

    machine: Machine
    touchpoints: Sequence[Touchpoint]
    stops: str
    steps: Sequence[Step]
    until: datetime

    def breaches(self) -> Iterator[str]:
        """Yield every claim that was broken, in words."""
        for key in ("x", "y"):
            steps = [step for step in self.steps if step.track == "thing" and step.key == key]
            entries = [(place, step) for place, step in enumerate(steps) if _enters(steps, place)]
            for place, step in entries:
                if not self.is_left(key, steps[place:], step):
                    yield f"{key} stood in {step.name} since {step.at} and was not moved on"
                is_loss = self.machine.policy.tracks["thing"].stages[step.name].loss and step.at + YEAR < self.until
                if is_loss and not self.is_followed_up(key, steps[place:], step):
                    yield f"the loss {step.name} of {key} at {step.at} was followed by nothing"

    def is_left(self, key: str, steps: Sequence[Step], entry: Step) -> bool:
        """Tell whether time moved them out of a stage that is no rest, some two years after they last spoke."""
        stage = self.machine.policy.tracks["thing"].stages[entry.name]
        if stage.review is not None or stage.watched_by is not None:
            return True
        spoke = [each.occurred_at for each in self.touchpoints if self.machine.policy.types[each.type].by == "person"]
        moved = next((step.at for step in steps[1:] if step.what == "moved"), self.until)
        return moved <= max([entry.at, *(each for each in spoke if each <= moved)]) + LONGEST

    def is_followed_up(self, key: str, steps: Sequence[Step], loss: Step) -> bool:
        """Tell whether within a year of a loss somebody was asked for, or need not be."""
        ends = loss.at + YEAR
        for place, step in enumerate(steps[1:], 1):
            if step.at > ends:
                break
            if step.what == "opened" or (step.what == "waits" and self.falls_due(step, steps[place + 1 :])):
                return True
            if step.what == "not_opened" and step.detail == "done":
                return True
            if step.what == "not_opened" and step.detail == "stopped" and self.was_said(step.at):
                return True
        return self.speaks(key, loss.at, ends, loss.by) or self.does(key, steps, ends) or _by_chance(steps, loss.at)

    def falls_due(self, waiting: Step, following: Sequence[Step]) -> bool:
        """Tell whether a task that waits is asked when the night ends, unless news takes it away: time does not.

        What waits for a budget may wait for ever.
        """
        stages = self.machine.policy.tracks["thing"].stages.values()
        if any(task.contact == "few" and task.name == waiting.name for stage in stages for task in stage.tasks):
            return False
        dropped = next((step for step in following if step.what == "dropped" and step.task_id == waiting.task_id), None)
        return dropped is None or dropped.by is not None

    def was_said(self, at: datetime) -> bool:
        """Tell whether somebody has said what stops a kind of contact."""
        return STOPS[self.stops]([each for each in self.touchpoints if each.occurred_at <= at])

    def speaks(self, key: str, begin: datetime, end: datetime, by: object) -> bool:
        """Tell whether the person speaks of the thing after the loss, within a year."""
        return any(
            self.machine.policy.types[each.type].by == "person" and each.data.get("thing") == key
            for each in self.touchpoints
            if begin <= each.occurred_at <= end and (each.occurred_at > begin or getattr(by, "id", None) != each.id)
        )

    def does(self, key: str, steps: Sequence[Step], end: datetime) -> bool:
        """Tell whether news has done what a stage on the way would have asked for."""
        stages = self.machine.policy.tracks["thing"].stages
        for place, step in enumerate(steps):
            if step.what not in ("began", "moved") or step.at > end:
                continue
            left = next((each for each in steps[place + 1 :] if each.what == "moved"), None)
            by = "" if left is None or left.by is None else left.by.type
            if left is not None and left.at <= end and any(by in task.done_by for task in stages[step.name].tasks):
                return True
        return False


def _enters(steps: Sequence[Step], place: int) -> bool:
    """Tell whether a step enters a stage; who begins and is moved on by the same touchpoint does not enter the start."""
    step = steps[place]
    if step.what == "moved":
        return True
    following = steps[place + 1] if place + 1 < len(steps) else None
    moved = next((each for each in steps[place + 1 :] if each.what == "moved"), None)
    return step.what == "began" and not (following is not None and moved is not None and moved.by == step.by)


def _by_chance(steps: Sequence[Step], begin: datetime) -> bool:
    """Tell whether news moved them on at the very instant at which they came to a stage after the loss."""
    moves = [step for step in steps if step.what == "moved"]
    return any(one.at == other.at > begin and other.by is not None for one, other in pairwise(moves))


def proved(random: Random) -> tuple[Machine, str, str]:
    """Return a policy at random that is proved, compiled, with its text and what stops one of its kinds of contact."""
    while True:
        text, stops = policy_text(random)
        policy = load_policy(text)
        if not refusing(policy):
            return compile_policy(policy), text, stops


def refusing(policy: Policy) -> set[str]:
    """Return the codes of what refuses a policy and is about the claims that are tried here."""
    return {each.code for each in check_policy(policy) if each.severity == "refuses"} - HARMLESS


HARMLESS = frozenset({"unreachable", "hidden", "undecided", "overlap", "never", "over-budget"})
"""Findings that refuse a policy and break none of the claims that are tried here."""


def tried(random: Random, histories: int) -> Iterator[str]:
    """Yield what broke in some histories by one policy that is proved."""
    machine, text, stops = proved(random)
    for _ in range(histories):
        touchpoints = history(random)
        until = touchpoints[-1].occurred_at + timedelta(days=random.choice((0, 30, 900)))
        steps: list[Step] = []
        state = fold(machine, "anna", PersonState(), touchpoints, until, trail=steps).state
        obligation = next_obligation(machine, state, until)
        told = "\n".join(f"  {each.occurred_at} {each.type} {dict(each.data)}" for each in touchpoints)
        if obligation is None:
            yield f"nothing comes next at {until}\n{text}\n{told}"
        for breach in Run(machine, touchpoints, stops, steps, until).breaches():
            yield f"{breach}\n{text}\n{told}"


def main() -> None:
    """Try as many histories as the first argument says, and print what broke."""
    wanted = int(sys.argv[1])
    broken = 0
    for seed in range(wanted // 10):
        try:
            for breach in tried(Random(seed), 10):
                broken += 1
                print(f"seed {seed}: {breach}", flush=True)
        except PolicyRefused as error:
            print(f"seed {seed}: {error}", flush=True)
            raise
        if broken > 20:
            break
    print(f"{wanted} histories, {broken} breaches")


if __name__ == "__main__":
    main()
