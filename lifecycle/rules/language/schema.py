"""JSON Schema (2020-12) of the policy language, for editors: completion, hover text and the first typing mistakes.

Made from the table of keys below: each key with what it means and what it may be. It knows no names, so the
loader is always the stricter one; a test holds the table against the loader's own keys. The schemas of the data
of touchpoints are data_schema.py's. Called by the command line, which also writes schemas/policy.schema.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lifecycle.rules.language.facts import BY, KINDS

Schema = dict[str, Any]

FILE = "policy.schema.json"

_NAME = "[a-z][a-z0-9_]*"
_TYPE = rf"{_NAME}\.{_NAME}"
_SETTING = r"\$[A-Za-z_][A-Za-z0-9_]*"
_DURATION = rf"([0-9]{{1,6}} (business hour|business day|hour|day|week|month|year)s?|{_SETTING})"
_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _pattern(pattern: str, *examples: str) -> Schema:
    schema: Schema = {"type": "string", "pattern": f"^({pattern})$"}
    return {**schema, "examples": list(examples)} if examples else schema


def _each(schema: Schema, keys: str = _NAME) -> Schema:
    return {"type": "object", "propertyNames": {"pattern": f"^({keys})$"}, "additionalProperties": schema}


def _one_or_list(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "array", "minItems": 1, "items": schema}]}


def _words(*words: str) -> Schema:
    return {"anyOf": [{"enum": list(words)}, _pattern(_SETTING)]}


_SCALAR: Schema = {"type": ["string", "number", "boolean"]}
_TEXT: Schema = {"type": "string", "minLength": 1}
_FLAG: Schema = {"anyOf": [{"type": "boolean"}, _pattern(_SETTING)]}
_HOURS = _pattern(rf"{_CLOCK} to {_CLOCK}|{_SETTING}", "09:00 to 17:00")


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the language: what it means, in a sentence, and what may stand there."""

    name: str
    means: str
    takes: Schema
    required: bool = False


def _key(name: str, means: str, takes: Schema | None = None, *, required: bool = False) -> Key:
    return Key(name, means, _TEXT if takes is None else takes, required)


_WHEN = _key("when", "The guard: all its lines must hold. Without it the line always fits.", _ref("guard"))
_FORMERLY = _key("formerly", "An older name, which stays in the ids of tasks.", _ref("name"))
_BY = "Who is asked: a word the company knows, or whoever a fact names."
_ABOUT = _key("about", "Further facts that travel with the task.", _one_or_list(_ref("name")))

KEYS: Mapping[str, tuple[Key, ...]] = {
    "policy": (
        _key("policy", "The name of this policy.", required=True),
        _key("language", "The version of the notation.", {"const": 1}, required=True),
        _key("means", "What this policy wants, in one sentence."),
        _key("includes", "Other policies whose parts are taken over.", _one_or_list(_ref("include"))),
        _key("settings", "Values with a name, used elsewhere as $name.", _each(_ref("setting"))),
        _key("calendar", "Time zone, holidays and working hours.", _ref("calendar")),
        _key("contact", "The kinds of contact a task can be; the first is the usual one.", _each(_ref("contact"))),
        _key("defaults", "What a task is that does not say.", _ref("defaults")),
        _key("lanes", "The order of service, from the top.", {"type": "array", "minItems": 1, "items": _ref("lane")}),
        _key("touchpoints", "The vocabulary: types of touchpoints and their data.", _each(_ref("touchpoint"), _TYPE)),
        _key("facts", "What is remembered about a person.", _each(_ref("fact"))),
        _key("tracks", "The state machines: how far people have got with what they need.", _each(_ref("track"))),
    ),
    "include": (
        _key("policy", "The name of the policy that is taken over.", required=True),
        _key("without", "Its parts that are left out, such as tracks.renewal.", _one_or_list(_TEXT)),
    ),
    "calendar": (
        _key("zone", "Our time zone, such as Europe/Vienna. Without it UTC."),
        _key("zone_from", "The fact that says where the person is; it counts for quiet hours.", _ref("fact_ref")),
        _key("holidays", "The country whose holidays we keep. Norway is in quotes."),
        _key("holidays_from", "The fact that says whose holidays the person keeps.", _ref("fact_ref")),
        _key("hours", "Our working hours, Monday to Friday. Without it 09:00 to 17:00.", _HOURS),
    ),
    "contact": (
        _key("means", "When a task is of this kind, in a sentence."),
        _key("reaches", "Whether the person notices.", _words("person", "nobody"), required=True),
        _key(
            "most",
            "Budget: how many tasks may reach the person in how long; more of this kind wait.",
            _pattern(rf"[0-9]{{1,4}} per {_DURATION}|{_SETTING}.*", "2 per 30 days"),
        ),
        _key("quiet", "When nobody is to be reached, in the person's zone; tasks open when it ends.", _HOURS),
        _key("stops", "While this holds, tasks of this kind are not asked: the opt-out.", _ref("guard")),
    ),
    "defaults": (
        _key("by", f"{_BY} Without it owner.", _ref("by")),
        _key("contact", "The kind of contact. Without it the first one.", _ref("name")),
        _key("due", "How long after opening a task is due. Without it 3 business days.", _ref("duration")),
        _key("expires", "How long after that it is given up. Without it 30 days.", _ref("duration")),
    ),
    "lane": (
        _key("is", "The name of the lane.", _ref("name"), required=True),
        _key("customers", "Whether these are customers. They stand above everybody else.", _FLAG),
        _WHEN,
    ),
    "touchpoint": (
        _key("by", "Whose act it is: silence and attention are told apart by it.", _words(*BY), required=True),
        _key("data", "Fields that must be there.", _each(_ref("field"))),
        _key("optional", "Fields that may be there.", _each(_ref("field"))),
        _key("means", "What happened, in a sentence."),
    ),
    "fact": (
        _key("ever", "True once one of these happened.", _one_or_list(_ref("type_ref"))),
        _key("count", "How often these happened.", _one_or_list(_ref("type_ref"))),
        _key("sum", "The sum of a field of numbers or money.", _one_or_list(_ref("source_ref"))),
        _key("first", "The first value of a field; of a type alone, its time.", _one_or_list(_ref("source_ref"))),
        _key("last", "The last value of a field; of a type alone, its time.", _one_or_list(_ref("source_ref"))),
        _key("set", "All values of a field.", _one_or_list(_ref("source_ref"))),
        _key("choose", "What the first fitting line says; it may look at facts and stages.", _one_or_list(_ref("is"))),
        _key("within", "Count or sum only what is not older than this.", _ref("duration")),
        _WHEN,
    ),
    "is": (
        _WHEN,
        _key("is", "What the fact is: a word, true or false.", {"type": ["string", "boolean"]}, required=True),
    ),
    "to": (_WHEN, _key("to", "The stage to go to, or stay.", _ref("name"), required=True)),
    "track": (
        _key("per", "person, or the field whose values name the instances: one for each.", required=True),
        _key("start", "The first stage.", _ref("name"), required=True),
        _key("begins", "The touchpoints that begin an instance.", _one_or_list(_ref("type_ref"))),
        _key("facts", "Facts that are kept for each instance.", _each(_ref("fact"))),
        _key("upon", "What news does in every stage that does not list it itself.", _ref("upon")),
        _key("stages", "Where a person can stand.", _each(_ref("stage")), required=True),
        _FORMERLY,
    ),
    "stage": (
        _key("means", "A sentence in the person's voice.", required=True),
        _key("upon", "What news does here.", _ref("upon")),
        _key("tasks", "What is asked while the person is here.", _each(_ref("task"))),
        _key("later", "What time alone does.", _one_or_list(_ref("later"))),
        _key("review", "Staying is fine, and somebody looks again.", _ref("review")),
        _key("watched_by", "Nothing more is needed here; this track watches the person.", _ref("name")),
        _key("loss", "We lost something here, so a dated follow-up is demanded.", _FLAG),
        _FORMERLY,
    ),
    "later": (
        _key("after", "How long after the stage was entered.", _ref("duration")),
        _key("at", "A moment taken from a fact; it follows the fact.", _ref("moment")),
        _key("to", "The stage to go to.", _ref("name"), required=True),
        _WHEN,
        _key("name", "A name, where two lines lead to one stage.", _ref("name")),
    ),
    "review": (
        _key("every", "How often somebody looks again.", _ref("every"), required=True),
        _key("ask", "What is asked.", _ref("ask")),
        _key("by", _BY, _ref("by")),
        _ABOUT,
    ),
    "task": (
        _key("ask", "What a person could say to a colleague.", _ref("ask"), required=True),
        _key("after", "Opens so long after the stage was entered. Without a time it opens at once.", _ref("duration")),
        _key("at", "Opens at a moment taken from a fact; it follows the fact.", _ref("moment")),
        _key("every", "Opens again a period after the last one was closed.", _ref("every")),
        _WHEN,
        _key("due", "How long after opening it is due, or the fact that says when.", _ref("due")),
        _key("by", _BY, _ref("by")),
        _ABOUT,
        _key("contact", "The kind of contact.", _ref("name")),
        _key("done_by", "The touchpoints that complete it, each perhaps with a guard.", _ref("done_by")),
        _key("expires", "How long after due it is given up.", _ref("duration")),
        _key("or_else", "The task that opens when it is given up: the escalation.", _ref("task")),
        _key("stays", "It stays open when the stage is left.", _FLAG),
        _FORMERLY,
    ),
    "named": (_key("fact", "The fact that names them.", _ref("name"), required=True), _key("or", "Who else.")),
    "comparison": (
        _key("at_least", "This much or more, this day or later.", _SCALAR),
        _key("less_than", "Less than this, before this day.", _SCALAR),
        _key("within", "A time at most so long ago.", _ref("duration")),
        _key("has", "The set contains it, or all of them.", _one_or_list(_TEXT)),
        _key("given", "Whether the value is there.", _FLAG),
    ),
}
"""Part of the language -> its keys. `policy` is the whole file."""

_UPON_KEY = rf"{_TYPE}|any by (person|us|system)"
_GUARD_KEY = rf"{_NAME}|(fact|stage|any)\.{_NAME}"

SHAPES: Mapping[str, Schema] = {
    "name": _pattern(rf"{_NAME}|{_SETTING}"),
    "fact_ref": _pattern(rf"fact\.{_NAME}|{_SETTING}", "fact.zone"),
    "type_ref": _pattern(rf"{_TYPE}|any by (person|us|system)|{_SETTING}", "need.stated", "any by person"),
    "source_ref": _pattern(
        rf"({_TYPE}|any by (person|us|system))(\.{_NAME})?|{_SETTING}", "purchase.completed.amount", "need.stated"
    ),
    "duration": _pattern(_DURATION, "14 days", "2 business days", "4 business hours", "$patience"),
    "ask": {"type": "string", "minLength": 1, "examples": ['Keep the promise: {fact.what or "the one of {key}"}']},
    "by": {"anyOf": [_TEXT, _ref("named")]},
    "moment": _pattern(
        rf"({_DURATION} (before|after) )?{_NAME}|{_SETTING}.*", "60 days before renewal_on", "1 year after heard"
    ),
    "every": _pattern(rf"{_DURATION}( after {_NAME})?", "90 days", "90 days after contacted"),
    "due": _pattern(rf"{_DURATION}|{_NAME}", "3 business days", "promised_for"),
    "setting": {
        "anyOf": [
            _SCALAR,
            {
                "type": "object",
                "description": "A duration for each word of a choose fact.",
                "properties": {"depends_on": {**_ref("name"), "description": "The choose fact."}},
                "required": ["depends_on"],
                "additionalProperties": _ref("duration"),
            },
        ]
    },
    "field": {
        "description": "What the field may hold; a list of words means one of them.",
        "anyOf": [
            {"enum": list(KINDS)},
            _pattern(rf"date within {_DURATION}|{_SETTING}", "date within 1 year"),
            {"type": "array", "minItems": 1, "uniqueItems": True, "items": _TEXT},
        ],
    },
    "guard": {
        "type": "object",
        "description": "All lines must hold. Left: a field, fact.NAME, stage.TRACK, any.TRACK. Right: what it must be.",
        "minProperties": 1,
        "properties": {
            "any_of": {"description": "One of these guards holds.", **_one_or_list(_ref("guard"))},
            "none_of": {"description": "None of these guards holds.", **_one_or_list(_ref("guard"))},
        },
        "propertyNames": {"pattern": f"^({_GUARD_KEY})$"},
        "additionalProperties": {"anyOf": [*_one_or_list(_SCALAR)["anyOf"], _ref("comparison")]},
    },
    "upon": {
        **_each(
            {"anyOf": [_ref("name"), _ref("to"), {"type": "array", "minItems": 1, "items": _ref("to")}]}, _UPON_KEY
        ),
        "description": "Touchpoint type, or any by person: the stage to go to, or a list that decides.",
    },
    "done_by": _one_or_list({"anyOf": [_ref("type_ref"), _each(_ref("guard"), _UPON_KEY)]}),
}
"""What keys refer to that has no fixed keys of its own."""

_RULES: Mapping[str, Schema] = {
    "policy": {"anyOf": [{"required": ["includes"]}, {"required": ["lanes", "touchpoints", "tracks"]}]},
    "fact": {"oneOf": [{"required": [kind]} for kind in ("ever", "count", "sum", "first", "last", "set", "choose")]},
    "stage": {"anyOf": [{"required": [key]} for key in ("later", "review", "watched_by")]},
    "later": {"oneOf": [{"required": ["after"]}, {"required": ["at"]}]},
    "comparison": {"minProperties": 1},
}
"""What JSON Schema can say of several keys together."""


def policy_schema() -> Schema:
    """Return the schema of a policy file."""
    parts = {name: _part(name) for name in KEYS if name != "policy"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": FILE,
        "title": "Policy",
        "description": "How far people have got with what they need, and which follow-up is asked for when.",
        **_part("policy"),
        "$defs": {**parts, **SHAPES},
    }


def _part(name: str) -> Schema:
    required = [key.name for key in KEYS[name] if key.required]
    return {
        "type": "object",
        "properties": {key.name: {"description": key.means, **key.takes} for key in KEYS[name]},
        **({"required": required} if required else {}),
        "additionalProperties": False,
        **_RULES.get(name, {}),
    }


def policy_schema_text() -> str:
    """Return the text of schemas/policy.schema.json."""
    return json.dumps(policy_schema(), indent=2, ensure_ascii=False) + "\n"
