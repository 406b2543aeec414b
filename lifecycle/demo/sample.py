"""The demo sample: a few hundred invented people over a year, as touchpoint lines in the default vocabulary.

Every kind of path occurs in it, and so does what befalls real streams: late arrivals, repetitions, a variant
under a known id, a type that no policy knows, and lines that are no touchpoints. The same seed gives the same
bytes; nothing reads a clock. Called by the demo and by tests. No statistics should be read out of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any

from lifecycle import canonical_json
from lifecycle.demo.work import outcomes_of
from lifecycle.policies import DEFAULT_POLICY, shipped_policy
from lifecycle.rules.compiled.compile import compile_policy
from lifecycle.rules.compiled.machine import Machine
from lifecycle.rules.language.load import load_policy
from lifecycle.task import rfc3339
from lifecycle.touchpoint import Touchpoint

FIRST_DAY = datetime(2025, 1, 1, tzinfo=UTC)
END = datetime(2026, 1, 1, tzinfo=UTC)
"""Nothing in the sample happens at END or later. A few people are known from the year before FIRST_DAY."""

LATE, REPEATED, TRAIT = 0.04, 0.03, 0.12
"""Shares of touchpoints that arrive days late, of those that come twice, and of people with one trait."""

KEYS = ("need", "case", "promise", "contract", "introduction")
SOURCES = {"support": "helpdesk", "purchase": "shop", "offer": "shop", "task": "desk"}
FIRST_NAMES = (
    "Ada",
    "Bruno",
    "Clara",
    "Dario",
    "Elif",
    "Franz",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Kaja",
    "Luis",
)
LAST_NAMES = (
    "Adler",
    "Bauer",
    "Costa",
    "Dahl",
    "Ekici",
    "Fuchs",
    "Gruber",
    "Huber",
    "Ilic",
    "Jansen",
    "Kova",
    "Moser",
)
WORDS = {
    "words": (
        "We lose orders between the shop and the store.",
        "I need the books in order before the audit.",
        "Our heating costs have doubled.",
        "My team cannot find its own documents.",
        "I want to know which repairs pay off.",
    ),
    "channel": ("web", "phone", "fair", "letter"),
    "topic": ("prices", "delivery", "a friend's advice"),
    "to": ("Nora", "the firm next door", "a former colleague"),
    "what": ("send the plan", "call back with a figure", "repair it"),
}

_HEAD = b'{"specversion":"1.0","source":"urn:sample:crm","type":"reply.sent"'
BROKEN_LINES = (
    _HEAD + b',"id":"broken-1","subj',
    b'["not","an","object"]',
    _HEAD + b',"subject":"no.id","time":"2025-02-03T10:00:00Z"}',
    _HEAD + b',"id":"broken-4","subject":"","time":"2025-02-03T10:00:00Z"}',
    _HEAD + b',"id":"broken-5","subject":"month.13","time":"2025-13-03T10:00:00Z"}',
    _HEAD + b',"id":"broken-6","subject":"caf\xe9","time":"2025-02-03T10:00:00Z"}',
    _HEAD + b',"id":"broken-7","subject":"year.9999","time":"9999-02-03T10:00:00Z"}',
)
"""Lines that are no touchpoints; each is dead-lettered with its own reason."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One line with the moment of its arrival, which decides its place in the file."""

    arrives_at: datetime
    text: bytes


@dataclass(frozen=True, slots=True)
class Story:
    """What happens to one kind of person, and on which day of the year it may begin."""

    name: str
    begins: range
    steps: list[str]


def read_stories() -> tuple[list[Story], list[list[str]]]:
    """Return the stories and the traits of stories.txt, in the order of the file."""
    parts: dict[str, list[str]] = {}
    stories: list[Story] = []
    traits: list[list[str]] = []
    steps: list[str] = []
    text = files("lifecycle.demo").joinpath("stories.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        match line.split():
            case [] | ["#", *_]:
                continue
            case ["part", name]:
                steps = parts[name] = []
            case ["story", name, first, last]:
                steps = []
                stories.append(Story(name, range(int(first), int(last)), steps))
            case ["trait"]:
                steps = []
                traits.append(steps)
            case ["tell", name]:
                steps += parts[name]
            case _:
                steps.append(line)
    return stories, traits


def write_sample(path: Path, *, seed: int = 7, people: int = 300) -> int:
    """Write the sample, one touchpoint a line in order of arrival, and return the number of lines.

    The bytes depend on `seed` and `people` alone. With fewer people than stories some stories are missing.
    """
    lines = sorted(_lines(seed, people), key=lambda line: (line.arrives_at, line.text))
    path.write_bytes(b"".join(line.text + b"\n" for line in lines))
    return len(lines)


def _lines(seed: int, people: int) -> Iterator[_Line]:
    stories, traits = read_stories()
    machine = compile_policy(load_policy(shipped_policy(), name=DEFAULT_POLICY))
    for number in range(people):
        # A generator for each person: more people leave those before them as they are.
        random = Random(seed * 1_000_003 + number)
        turn, which = divmod(number, len(stories))
        life = _Life(random, number, stories[which], turn, traits)
        life.work(machine)
        events = life.events()
        for at, event in events:
            text = canonical_json.dumps(event).encode("utf-8")
            delay = timedelta(days=random.randrange(1, 20)) if random.random() < LATE else timedelta(0)
            yield _Line(at + delay, text)
            if random.random() < REPEATED:
                yield _Line(at + delay + timedelta(days=random.randrange(0, 30)), text)
        if number == 0:
            yield from _oddities(events)
    for number, text in enumerate(BROKEN_LINES):
        yield _Line(FIRST_DAY + timedelta(days=33 + 50 * number), text)


def _oddities(events: list[tuple[datetime, dict[str, Any]]]) -> Iterator[_Line]:
    """Yield a variant under the id of a first touchpoint, a type that no policy knows yet, and a mistake taken back."""
    at, first = events[0]
    variant = {**first, "data": {**first["data"], "topic": "a variant under a known id"}}
    yield _Line(at + timedelta(days=2), canonical_json.dumps(variant).encode("utf-8"))
    unknown = {**first, "id": f"{first['id']}-news", "type": "newsletter.opened", "data": {}}
    yield _Line(at + timedelta(days=3), canonical_json.dumps(unknown).encode("utf-8"))
    noted_at = rfc3339(at + timedelta(days=4))
    mistake = {**first, "id": f"{first['id']}-mistake", "type": "support.asked", "time": noted_at}
    yield _Line(at + timedelta(days=4), canonical_json.dumps({**mistake, "data": {"case": "m1"}}).encode("utf-8"))
    named = {"source": mistake["source"], "id": mistake["id"], "reason": "it was about somebody else"}
    taken_back = {**mistake, "id": f"{first['id']}-back", "type": "touchpoint.retracted", "data": named}
    taken_back["time"] = rfc3339(at + timedelta(days=5))
    yield _Line(at + timedelta(days=5), canonical_json.dumps(taken_back).encode("utf-8"))


class _Life:
    """One person: a story, perhaps some traits, told day by day."""

    def __init__(self, random: Random, number: int, story: Story, turn: int, traits: list[list[str]]) -> None:
        first, last = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
        self.person = f"{first}.{last}.{number:03}".lower()
        self.random = random
        self.number = number
        self.told: list[tuple[datetime, dict[str, Any]]] = []
        # The golden ratio spreads the turns of a story over its range: some have run their course when the
        # year ends, others have just begun.
        share = (0.5 + turn * 0.618034) % 1.0
        day = story.begins.start + int(share * len(story.begins)) + random.randrange(0, 5)
        start = FIRST_DAY + timedelta(days=day)
        self.tell(start, story.steps)
        for trait in traits:
            if random.random() < TRAIT:
                self.tell(start + timedelta(days=random.randrange(5, 90)), trait)

    def events(self) -> list[tuple[datetime, dict[str, Any]]]:
        """Return (occurred_at, event) in order of time, without what comes after the end of the year."""
        return sorted((each for each in self.told if each[0] < END), key=lambda each: (each[0], each[1]["id"]))

    def tell(self, start: datetime, steps: list[str]) -> None:
        slip, last_day, minute = 0, None, 0
        for line in steps:
            day_text, type_, *words = line.split()
            day = int(day_text)
            if day != last_day:
                # Life is not exact: each step may slip by a day, and so does all that follows.
                slip, minute = slip + self.random.randrange(0, 2), self.random.randrange(480, 900)
            last_day, minute = day, minute + self.random.randrange(2, 20)
            at = start + timedelta(days=day + slip, minutes=minute, seconds=self.random.randrange(60))
            self.add(at, type_, dict(word.split("=", 1) for word in words))

    def work(self, machine: Machine) -> None:
        """Do the tasks that all of this leads to, as people do: most of them in time."""
        known = [
            Touchpoint(self.person, event["source"], event["id"], event["type"], at, None, event["data"])
            for at, event in self.events()
        ]
        for outcome in list(outcomes_of(machine, self.person, known, f"urn:sample:{SOURCES['task']}", END)):
            self.put(outcome.at, outcome.type, outcome.data)

    def add(self, at: datetime, type_: str, words: dict[str, str]) -> None:
        self.put(at, type_, {name: self.value(name, text, at) for name, text in words.items()})

    def put(self, at: datetime, type_: str, data: Mapping[str, Any]) -> None:
        source = f"urn:sample:{SOURCES.get(type_.partition('.')[0], 'crm')}"
        event = {
            "specversion": "1.0",
            "id": f"sample-{self.number:03}-{len(self.told) + 1:02}",
            "source": source,
            "type": type_,
            "subject": self.person,
            "time": rfc3339(at),
            "data": data,
        }
        self.told.append((at, event))

    def value(self, name: str, text: str, at: datetime) -> Any:
        """Return what a word of a story stands for: see stories.txt for the notation."""
        if name in KEYS:
            return f"{self.person}-{name}-{text}"
        if text.startswith("+"):
            return (at + timedelta(days=int(text))).date().isoformat()
        if text == "?":
            choices = WORDS.get(name)
            if choices is None:
                return f"{self.random.randrange(20, 2000)}.{self.random.randrange(0, 100):02} EUR"
            return self.random.choice(choices)
        if text in ("true", "false"):
            return text == "true"
        return text.replace("_", " ") if name in ("reason", "why_stay", "what", "words") else text
