"""The wire forms, as models from which schemas/ is generated: what comes in, what goes out.

What it is: the contract for other systems, and `task_message`, which the engine calls to write what goes out.
What it is not: the reader of what comes in. That is codec.py, which is hot; a test proves that the two agree.
Where JSON Schema cannot say a rule (256 *bytes*, the 30th of February, the range of times to the second), the
codec is the stricter one and the description says so.

`python -m lifecycle.wire.contracts schemas` writes the files; with `--check` it writes nothing and fails when one
of them is stale.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from lifecycle import canonical_json, ids
from lifecycle.moment import MAX_TIME_CHARACTERS
from lifecycle.task import ChangeReason, MessageType as MessageType, TaskState, WithdrawnReason, rfc3339
from lifecycle.touchpoint import MAX_ID_BYTES, Touchpoint
from lifecycle.wire import asyncapi

MESSAGE_SOURCE = "/lifecycle"
"""`source` of every message this program sends."""

OutcomeType = Literal["task.completed", "task.declined", "task.postponed"]

_NAME = r"^[^\u0000-\u001f\u007f-\u009f]+$"
_TIME = (
    r"^(1899|19[0-9]{2}|2[0-8][0-9]{2}|2900)-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]"
    r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)


def _any_case(word: str) -> str:
    return "".join(f"[{letter.upper()}{letter}]" if letter.isalpha() else letter for letter in word)


_JSON_TYPE = rf"^ *(({_any_case('application')}|{_any_case('text')})/|[^;]*\+){_any_case('json')} *(;.*)?$"

Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID_BYTES, pattern=_NAME)]
# A pattern stands in the schema, not a format: validators look at formats only when asked to.
Time = Annotated[
    str,
    WithJsonSchema(
        {"type": "string", "pattern": _TIME, "maxLength": MAX_TIME_CHARACTERS, "examples": ["2026-03-01T09:30:00Z"]}
    ),
]
JsonType = Annotated[str, WithJsonSchema({"type": "string", "pattern": _JSON_TYPE})]


class Incoming(BaseModel):
    """What every event that comes in has. Other attributes are ignored."""

    model_config = ConfigDict(extra="allow")

    specversion: Literal["1.0"]
    id: Name = Field(description="Unique within the source. At most 256 bytes of UTF-8, no control characters.")
    source: Name = Field(description="Who says so: a URI reference. At most 256 bytes.")
    subject: Name = Field(description="The person, as the sender names them; text, never a number.")
    time: Time = Field(
        description="When it occurred, 1900 to 2899, with a zone (RFC 3339). Digits beyond the microsecond are cut "
        "off. A second of 60 is refused and dead-lettered: send second 59, or the next second."
    )
    sequence: Name | int | None = Field(
        default=None, description="Orders touchpoints of the same instant: digits as numbers, before text."
    )
    datacontenttype: JsonType | None = Field(default=None, description="A JSON type; anything else is refused.")


class TouchpointEvent(Incoming):
    """A touchpoint on the wire: a CloudEvent 1.0 whose subject is a person.

    (subject, source, id) identify it: sent again it is the same touchpoint.
    """

    model_config = ConfigDict(title="Touchpoint")

    type: Name = Field(description="What happened, a word of the policy's vocabulary. At most 256 bytes.")
    data: dict[str, Any] | None = Field(default=None, description="What else is known; absent is the same as {}.")
    data_base64: str | None = Field(
        default=None, description="The data as base64 of a JSON object; not together with `data`."
    )


class OutcomeData(BaseModel):
    """What an outcome says: which task, and whatever else the sender knows."""

    model_config = ConfigDict(extra="allow")

    task: Name = Field(description="The id of the task, as it was asked.")
    reason: str | None = Field(default=None, description="Why it was declined, or what came of it.")
    until: str | None = Field(
        default=None,
        description="With task.postponed, required: the date, or the time with its zone, by which it is to be done "
        "now; 366 days after the task was asked at the latest.",
    )


class OutcomeEvent(Incoming):
    """What became of a follow-up task: a touchpoint too, about the same person."""

    model_config = ConfigDict(title="TaskOutcome")

    type: OutcomeType
    data: OutcomeData


class ReferenceData(BaseModel):
    """A touchpoint that led to a task."""

    model_config = ConfigDict(title="Reference", extra="allow")

    source: str
    id: str
    type: str
    occurred_at: Time


class WhyData(BaseModel):
    """Why a task is asked."""

    model_config = ConfigDict(title="Why", extra="allow")

    track: str
    key: str | None = Field(description="Which instance of the track; null in a track per person.")
    stage: str
    rule: str
    since: Time = Field(description="When the stage was entered.")
    touchpoints: list[ReferenceData] = Field(description="What led there.")
    sentence: str = Field(description="The reason in a sentence for people.")


class TaskData(BaseModel):
    """The whole task, as of `version`."""

    model_config = ConfigDict(title="Task", extra="allow")

    id: str = Field(description="The same after any replay; send it back in the outcome's `data.task`.")
    version: int = Field(description="Keep the message with the highest one; messages may be seen again.")
    state: TaskState
    person: str
    kind: str = Field(description="Its name in the policy.")
    key: str | None = Field(default=None, description="Which instance of its track; null in a track per person.")
    ask: str = Field(
        description="What is asked, for people: one line. It follows its facts; a new text is a task.changed."
    )
    by: str = Field(description="Who is to do it: a word of the policy, or a name from the person's facts.")
    about: dict[str, Any] = Field(
        default_factory=dict,
        description="The facts that it is about, as of this message; one without a value is left out. "
        "A change of these alone is no message.",
    )
    lane: str = Field(description="Service order: lanes are served in the policy's order.")
    requested_at: Time
    due_at: Time
    expires_at: Time
    closed_at: Time | None = Field(description="When it left the state open.")
    reason: WithdrawnReason | ChangeReason | Literal["erased"] | None = Field(
        description="Why it was withdrawn; `reopened`: it was told as completed or declined, and is open again."
    )
    why: WhyData


class TaskEvent(BaseModel):
    """A message about a follow-up task: a CloudEvent 1.0, keyed by person, that carries the whole task.

    Later versions may add fields, here and in the task: pass over those that you do not know.
    """

    model_config = ConfigDict(title="TaskMessage", extra="allow")

    specversion: Literal["1.0"]
    id: str = Field(description="Task id and version; the same id is the same message.")
    source: Literal["/lifecycle"]
    type: MessageType
    subject: Name = Field(description="The person.")
    time: Time = Field(description="When it was decided, by the wall clock.")
    datacontenttype: Literal["application/json"]
    data: TaskData


def task_message(data: Mapping[str, Any], *, type: MessageType, at: datetime) -> str:  # noqa: A002
    """Return the CloudEvent that tells consumers of a task: canonical JSON, the same for the same arguments.

    `data` is Task.as_data with the `version`, which must be higher than that of every earlier message about
    this task; `at` is the wall clock of the commit.
    """
    return canonical_json.dumps(
        {
            "specversion": "1.0",
            "id": ids.message_id(data["id"], data["version"]),
            "source": MESSAGE_SOURCE,
            "type": type,
            "subject": data["person"],
            "time": rfc3339(at),
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def event_of(touchpoint: Touchpoint) -> dict[str, Any]:
    """Return a touchpoint as the CloudEvent that it is sent as; read again it is the same touchpoint."""
    return {
        "specversion": "1.0",
        "subject": touchpoint.person,
        "source": touchpoint.source,
        "id": touchpoint.id,
        "type": touchpoint.type,
        "time": rfc3339(touchpoint.occurred_at),
        "sequence": touchpoint.sequence,
        "data": touchpoint.data,
    }


def schema_of(model: type[BaseModel], file: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a wire form."""
    schema = model.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": file, **schema}


def schema_files() -> dict[str, str]:
    """Return file name -> text of everything that is generated from this module."""
    models: dict[str, type[BaseModel]] = {
        "touchpoint.schema.json": TouchpointEvent,
        "outcome.schema.json": OutcomeEvent,
        "task.schema.json": TaskEvent,
    }
    files = {
        name: json.dumps(schema_of(model, name), indent=2, ensure_ascii=False) + "\n" for name, model in models.items()
    }
    return files | {
        "asyncapi.yaml": yaml.safe_dump(asyncapi.document(), sort_keys=False, width=100, allow_unicode=True)
    }


def main(arguments: list[str] | None = None) -> int:
    """Write the generated files, or with --check compare them; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lifecycle.wire.contracts", description="Write the schemas.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is stale")
    given = parser.parse_args(arguments)
    stale = []
    for name, text in schema_files().items():
        path = given.folder / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(str(path))
        if not given.check:
            given.folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if given.check and stale:
        print(f"stale: {', '.join(stale)}. Run: python -m lifecycle.wire.contracts {given.folder}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
