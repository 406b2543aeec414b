"""The AsyncAPI document: which topics there are, who sends what, with which key and headers.

It is generated into schemas/asyncapi.yaml by contracts.py, which holds the messages themselves.
"""

from __future__ import annotations

from typing import Any

PREFIX = "lifecycle.errors."
EXCEPTION = "lifecycle.errors.exception"
MESSAGE = "lifecycle.errors.message"
FIELD = "lifecycle.errors.field"
TOPIC = "lifecycle.errors.topic"
PARTITION = "lifecycle.errors.partition"
OFFSET = "lifecycle.errors.offset"
OMITTED = "lifecycle.errors.omitted"
"""Headers of a dead letter, named as in KIP-1034 with our prefix. `exception` is the reason, one word."""


_TASKS = (
    "What is asked, keyed by person; at least once. Keep the highest version of each id. Once ended by an outcome with "
    "its own id a task is not asked again, unless that outcome is retracted. One that was taken for done on ground "
    "that turns out untrue is told as task.changed with state open and reason reopened."
)


def document() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document."""

    def channel(address: str, description: str, *messages: str) -> dict[str, Any]:
        references = {name: {"$ref": f"#/components/messages/{name}"} for name in messages}
        return {"address": address, "description": description, "messages": references}

    def operation(action: str, name: str, summary: str) -> dict[str, Any]:
        return {"action": action, "channel": {"$ref": f"#/channels/{name}"}, "summary": summary}

    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Relationship lifecycle engine",
            "version": "1",
            "description": "Touchpoints (facts about people) in, follow-up tasks out. "
            "Addresses are defaults; settings name the topics.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            "touchpoints": channel("touchpoints", "Facts about people, keyed by person.", "touchpoint"),
            "outcomes": channel("task-outcomes", "What became of follow-up tasks, keyed by person.", "outcome"),
            "tasks": channel("follow-up-tasks", _TASKS, "task"),
            "deadLetters": channel(
                "touchpoints-dead-letters",
                "Records that were refused, with the original bytes.",
                "deadLetter",
            ),
        },
        "operations": {
            "receiveTouchpoints": operation("receive", "touchpoints", "Folded into the person's lifecycle."),
            "receiveOutcomes": operation("receive", "outcomes", "Close the task they name; touchpoints as well."),
            "sendTasks": operation("send", "tasks", "requested, changed and withdrawn, in order per person."),
            "sendDeadLetters": operation("send", "deadLetters", "What could not be accepted, and why."),
        },
        "components": {"messages": _messages()},
    }


def _messages() -> dict[str, Any]:
    key = {"kafka": {"key": {"type": "string", "description": "the person"}}}
    event = "CloudEvents 1.0 in JSON; structured, or binary with ce_ headers"

    def message(name: str, file: str, summary: str) -> dict[str, Any]:
        return {"name": name, "summary": summary, "bindings": key, "payload": {"$ref": f"./{file}"}}

    return {
        "touchpoint": message("touchpoint", "touchpoint.schema.json", event),
        "outcome": message("outcome", "outcome.schema.json", event),
        "task": message("task", "task.schema.json", "structured CloudEvents 1.0 in JSON"),
        "deadLetter": {
            "name": "deadLetter",
            "summary": "original value, key and headers, and headers that say why and where it was",
            "headers": {
                "type": "object",
                "properties": {
                    EXCEPTION: {"type": "string", "description": "reason, a stable word"},
                    MESSAGE: {"type": "string", "description": "the reason in a sentence"},
                    FIELD: {"type": "string", "description": "path of the field, if one"},
                    TOPIC: {"type": "string", "description": "topic it came from"},
                    PARTITION: {"type": "string", "description": "digits"},
                    OFFSET: {"type": "string", "description": "digits"},
                    OMITTED: {"type": "string", "description": "why the value is left out, if it is"},
                },
            },
        },
    }
