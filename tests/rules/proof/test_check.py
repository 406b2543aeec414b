"""The checker: each thing it decides, with the sentence, the place and the path that a policy writer gets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.check import generated
from lifecycle.errors import PolicyRefused
from lifecycle.rules.fold import timers
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.proof import (
    classes as check_classes,
    findings as check_findings,
    guards as check_guards,
    loops as check_loops,
    losses as check_losses,
    paths as check_paths,
)
from lifecycle.rules.proof.check import check_policy, require_proved
from lifecycle.rules.proof.findings import CODES, MAX_PATH, CheckFinding

HEAD = """\
policy: test
language: 1
lanes: [{is: customer, customers: true, when: {fact.bought: true}}, {is: prospect}]
touchpoints:
  need.stated: {by: person, data: {need: id}}
  offer.made: {by: us, data: {need: id}, optional: {until: date within 1 year}}
  decision.made: {by: person, data: {need: id, outcome: [with_us, elsewhere, not_now]}, optional: {reason: text}}
  purchase.completed: {by: person, data: {amount: money}}
  reply.sent: {by: us, optional: {need: id}}
  promise.made: {by: us, data: {need: id, day: date within 1 year, one_day: date}}
facts:
  bought: {ever: purchase.completed}
  bought_in: {set: [decision.made.outcome]}
  purchases: {count: purchase.completed}
  lately: {count: purchase.completed, within: 30 days}
  spend: {sum: purchase.completed.amount}
  heard: {last: any by person}
  outcome: {last: decision.made.outcome}
  mood: {choose: [{is: good, when: {fact.bought: true}}, {is: bad}]}
"""
WATCH = """
  in_touch:
    per: person
    start: here
    stages: {here: {means: Here., review: {every: 1 year}}}
"""
REST = "rest: {means: At rest., watched_by: in_touch}"


def policy_text(track: str, *, head: str = HEAD, watch: str = WATCH) -> str:
    return f"{head}tracks:{watch}{track}"


def need(*stages: str, upon: str = "{}", facts: str = "{}", start: str = "stated") -> str:
    """Return a policy with a track `need` of these stages."""
    lines = "".join(f"      {stage}\n" for stage in stages)
    return policy_text(
        f"  need:\n    per: need\n    start: {start}\n    begins: need.stated\n"
        f"    facts: {facts}\n    upon: {upon}\n    stages:\n{lines}"
    )


def check(text: str) -> list[CheckFinding]:
    return check_policy(load_policy(text, name="test.yaml"))


def told(text: str) -> list[str]:
    """Return the findings as `code: message`."""
    return [f"{each.code}: {each.message}" for each in check(text)]


def upon(lines: str) -> str:
    """Return a policy whose stage `stated` decides upon decision.made by these lines."""
    return need(
        f"stated: {{means: Said., upon: {{decision.made: {lines}}}, later: [{{after: 60 days, to: rest}}]}}",
        REST,
    )


def by_timer(guards: Sequence[str]) -> str:
    """Return a policy whose `choose` fact decides by these guards; no touchpoint is at hand."""
    lines = ", ".join(f"{{is: word_{number}, when: {guard}}}" for number, guard in enumerate(guards))
    return need("stated: {means: Said., review: {every: 1 year}}").replace(
        "tracks:", f"  chosen: {{choose: [{lines}]}}\ntracks:", 1
    )


PROVED = need(
    "stated: {means: Said., tasks: {answer: {ask: Answer}}, upon: {offer.made: weighing}, later: [{after: 60 days, to: rest}]}",
    "weighing: {means: Weighing., upon: {decision.made: [{when: {outcome: elsewhere}, to: lost}, {to: rest}]}, later: [{after: 30 days, to: rest}]}",
    "lost: {means: Lost., loss: true, tasks: {ask_after: {after: 30 days, ask: Ask}}, later: [{after: 60 days, to: rest}]}",
    REST,
)


def test_a_policy_that_is_proved_has_no_finding() -> None:
    """Timed moves, a loss with its follow-up, and a rest that is watched: nothing is found."""
    assert check(PROVED) == []
    require_proved(load_policy(PROVED))


def test_a_finding_has_place_path_and_advice() -> None:
    """A stage that only news leaves: its line and column, the shortest path to it, and what to add."""
    text = PROVED.replace(
        ", later: [{after: 30 days, to: rest}]", ", later: [{after: 30 days, to: rest, when: {fact.bought: true}}]"
    )
    (found,) = check(text)
    line = text.splitlines()[found.line - 1]
    assert line[found.column - 1 :].startswith("{after: 30 days")
    assert found.code == "no-way-out"
    assert found.path == ("need.stated", "offer.made")
    assert found.message == 'Time moves a person out of "weighing" only if a guard holds, and none is sure to hold.'
    assert found.advice == 'Add a timed move without "when", a review, or watched_by.'


def test_a_path_shows_the_time_that_passes() -> None:
    """Waits stand in the path between touchpoints, as people say them."""
    text = need(
        "stated: {means: Said., later: [{after: 60 days, to: waiting}]}",
        "waiting: {means: Waits., later: [{after: 1 year, to: stuck}]}",
        "stuck: {means: Stuck., later: [{after: 1 day, to: rest, when: {fact.bought: true}}]}",
        REST,
    )
    (found,) = check(text)
    assert found.path == ("need.stated", "(60 days pass)", "(1 year passes)")


def test_a_refused_policy_names_every_finding_with_its_place() -> None:
    """require_proved raises with file, line and column of all that refuses, and says nothing of warnings."""
    text = PROVED.replace("tasks: {ask_after: {after: 30 days, ask: Ask}}, ", "").replace("customers: true, ", "")
    with pytest.raises(PolicyRefused) as refused:
        require_proved(load_policy(text), name="my.yaml")
    (line,) = str(refused.value).splitlines()
    assert line.startswith('my.yaml:34:7: "lost" is a loss and no task follows on every path within a year.')
    assert line.endswith("[loss]")
    assert "Path: need.stated, offer.made, decision.made" in line


def test_a_long_path_is_cut() -> None:
    """Of a path of hundreds of steps the beginning is shown."""
    stages = [f"s{number}: {{means: On., later: [{{after: 1 day, to: s{number + 1}}}]}}" for number in range(200)]
    (found,) = check(
        need(*stages, "s200: {means: End., later: [{after: 1 day, to: s0, when: {fact.bought: true}}]}", start="s0")
        .replace("begins: need.stated", "begins: need.stated")
        .replace("      s0: {means: On., later", "      s0: {means: On., tasks: {look: {ask: Look}}, later")
    )
    assert found.code == "no-way-out"
    assert len(found.path) == MAX_PATH + 1
    assert found.path[-1] == "..."


class TestLists:
    """Guards in a list are data, so whether two fit at once is decided."""

    @pytest.mark.parametrize(
        ("guards", "example"),
        [
            (["{fact.outcome: elsewhere}", "{fact.outcome: [elsewhere, not_now]}"], "fact.outcome = elsewhere"),
            (["{fact.purchases: {less_than: 3}}", "{fact.purchases: {at_least: 2}}"], "fact.purchases = 2"),
            (["{fact.spend: {at_least: 10 EUR}}", "{fact.spend: {at_least: 10 USD}}"], "fact.spend = 10 EUR, fact.spend = 10 USD"),
            (["{fact.heard: {within: 30 days}}", "{fact.heard: {within: 90 days}}"], "fact.heard within 30 days"),
            (["{fact.bought_in: {has: with_us}}", "{fact.bought_in: {has: not_now}}"], "fact.bought_in with not_now and with_us"),
            (["{any.need: stated}", "{any.need: rest}"], "any.need with rest and stated"),
            (["{fact.bought: true}", "{fact.outcome: {given: false}}"], "fact.bought = true, fact.outcome missing"),
            (["{none_of: [{fact.outcome: elsewhere}]}", "{fact.outcome: {given: false}}"], "fact.outcome missing"),
            (["{any_of: [{fact.bought: true}, {fact.lately: 2}]}", "{fact.bought: true}"], "fact.bought = true, fact.lately = 0"),
            (["{stage.in_touch: here}", "{fact.mood: bad}"], "stage.in_touch = here, fact.mood = bad"),
        ],
    )  # fmt: skip
    def test_two_lines_that_fit_the_same_values_overlap(self, guards: list[str], example: str) -> None:
        """The finding shows one set of values that both lines fit."""
        text = (
            by_timer(guards).replace("stated: {means", f"{REST}\n      stated: {{means", 1)
            if "rest" in str(guards)
            else by_timer(guards)
        )
        found = [each for each in check(text) if each.code == "overlap"]
        assert [each.message for each in found] == [
            f"the fact chosen: line 1 and line 2 both fit {example}. Nothing decides between them."
        ]

    @pytest.mark.parametrize(
        "guards",
        [
            ["{fact.outcome: elsewhere}", "{fact.outcome: [with_us, not_now]}", "{fact.outcome: {given: false}}"],
            ["{fact.purchases: {less_than: 2}}", "{fact.purchases: {at_least: 2, less_than: 5}}", "{fact.purchases: {at_least: 5}}"],
            ["{fact.spend: {less_than: 10 EUR}}", "{fact.spend: {at_least: 10 EUR}}"],
            ["{fact.heard: {within: 30 days}}", "{none_of: [{fact.heard: {within: 30 days}}]}"],
            ["{fact.bought_in: {has: with_us}}", "{none_of: [{fact.bought_in: {has: with_us}}]}"],
            ["{fact.bought: true}", "{fact.bought: false, fact.outcome: elsewhere}"],
            ["{stage.need: stated}", "{stage.need: {given: false}}"],
        ],
    )  # fmt: skip
    def test_lines_that_exclude_each_other_are_proved(self, guards: list[str]) -> None:
        """Other words, ranges that meet, given and not given: nothing fits two lines."""
        text = by_timer(guards).replace("stage.need", "stage.in_touch").replace("in_touch: stated", "in_touch: here")
        assert check(text) == []

    def test_what_was_counted_has_happened(self) -> None:
        """`ever` and `count` of one type are known to agree, so a guard that needs them apart never fits."""
        assert told(by_timer(["{fact.bought: false, fact.lately: {at_least: 1}}"])) == [
            'never: the fact chosen: no values fit the "when" of line 1.'
        ]
        assert told(by_timer(["{fact.bought: false, fact.purchases: {less_than: 1}}", "{fact.bought: true}"])) == []
        assert told(by_timer(["{fact.purchases: 0, fact.heard: {given: false}}", "{fact.heard: {given: true}}"])) == []
        assert told(by_timer(["{fact.bought: true, fact.heard: {given: false}}"])) == [
            'never: the fact chosen: no values fit the "when" of line 1.'
        ]

    def test_a_window_may_have_passed(self) -> None:
        """What happened once need not have happened lately, so these two can be told apart and do overlap."""
        assert told(by_timer(["{fact.bought: true}", "{fact.lately: 0}"])) == [
            "overlap: the fact chosen: line 1 and line 2 both fit fact.bought = true, fact.lately = 0. Nothing decides between them."
        ]

    @pytest.mark.parametrize(
        ("first", "second", "are_apart"),
        [
            ("fact.lately: {at_least: 3}", "fact.purchases: {less_than: 3}", True),
            ("fact.lately: 3", "fact.purchases: {less_than: 3}", True),
            ("fact.lately: {at_least: 3}", "fact.purchases: {less_than: 4}", False),
            ("fact.lately: {less_than: 3}", "fact.purchases: {at_least: 3}", False),
            ("fact.lately: {at_least: 2}", "fact.this_quarter: {less_than: 2}", True),
            ("fact.this_quarter: {at_least: 2}", "fact.lately: {less_than: 2}", False),
            ("fact.lately: {at_least: 1}", "fact.decided: {less_than: 1}", False),
        ],
    )
    def test_what_was_counted_in_a_window_was_counted(self, first: str, second: str, are_apart: bool) -> None:
        """Three purchases within 30 days are three purchases, and three within 90 days."""
        text = by_timer([f"{{{first}}}", f"{{{second}}}"]).replace(
            "facts:\n",
            "facts:\n  this_quarter: {count: purchase.completed, within: 90 days}\n  decided: {count: decision.made}\n",
            1,
        )
        assert [each.code for each in check(text)] == ([] if are_apart else ["overlap"])

    @pytest.mark.parametrize(
        ("first", "second", "are_apart"),
        [
            ("fact.spend: {at_least: 1000 EUR}", "fact.purchases: {less_than: 1}", True),
            ("fact.spend: {at_least: 1000 EUR}", "fact.bought: false", True),
            ("fact.spend: {less_than: 0 EUR}", "fact.bought: false", True),
            ("fact.this_month: {at_least: 9 EUR}", "fact.lately: 0", True),
            ("fact.amount: {given: true}", "fact.purchases: 0", True),
            ("fact.bought_in: {has: elsewhere}", "fact.decided: 0", True),
            ("fact.spend: {less_than: 1000 EUR}", "fact.purchases: {less_than: 1}", False),
            ("fact.spend: {at_least: 0 EUR}", "fact.purchases: 0", False),
            ("fact.spend: {at_least: 1000 EUR}", "fact.lately: 0", False),
            ("fact.this_month: {at_least: 9 EUR}", "fact.decided: 0", False),
        ],
    )
    def test_what_was_taken_from_a_touchpoint_has_happened(self, first: str, second: str, are_apart: bool) -> None:
        """Who has spent something has bought; who has bought may have spent nothing, or nothing of late."""
        text = by_timer([f"{{{first}}}", f"{{{second}}}"]).replace(
            "facts:\n",
            "facts:\n  this_month: {sum: purchase.completed.amount, within: 30 days}\n"
            "  amount: {last: purchase.completed.amount}\n  decided: {count: decision.made}\n",
            1,
        )
        assert ("overlap" in [each.code for each in check(text)]) is not are_apart
        assert are_apart or "never" not in [each.code for each in check(text)]

    def test_a_line_that_takes_what_all_lines_before_it_take_never_decides(self) -> None:
        """The last line means otherwise, and there is no otherwise."""
        lines = "[{when: {outcome: not_now}, to: rest}, {when: {outcome: [with_us, elsewhere]}, to: stay}, {to: stay}]"
        assert told(upon(lines))[-1] == (
            "hidden: stated upon decision.made: line 3 never decides, for the lines before it fit all that it fits."
        )

    def test_a_required_field_is_never_missing_and_an_optional_one_may_be(self) -> None:
        """`given: false` fits nothing for a field that must be there."""
        assert told(upon("[{when: {outcome: {given: false}}, to: rest}]"))[0] == (
            'never: stated upon decision.made: no values fit the "when" of line 1.'
        )
        assert [
            each for each in check(upon("[{when: {reason: {given: false}}, to: rest}]")) if each.code == "never"
        ] == []

    def test_facts_have_taken_in_the_touchpoint_at_hand(self) -> None:
        """Upon a decision the last outcome is given, and the person was heard just now."""
        for guard in ("fact.outcome: {given: false}", "none_of: [{fact.heard: {within: 1 hour}}]"):
            assert told(upon(f"[{{when: {{{guard}}}, to: rest}}]"))[0].startswith("never: ")

    def test_alternatives_that_never_fit_are_found(self) -> None:
        """Inside `any_of` too a guard that fits nothing is a mistake."""
        text = upon(
            "[{when: {any_of: [{outcome: elsewhere}, {reason: {given: true}, fact.lately: {less_than: 0}}]}, to: rest}]"
        )
        assert told(text)[0] == "never: stated upon decision.made: no values fit this alternative."

    def test_a_list_with_too_many_combinations_asks_for_a_simpler_one(self) -> None:
        """More than 100,000 combinations are not tried, and nothing is proved by them."""
        words = [f"w{number}" for number in range(9)]
        fields = ", ".join(f"f{number}: [{', '.join(words)}]" for number in range(6))
        guard = ", ".join(f"f{number}: {{given: true}}" for number in range(6))
        lines = ", ".join(f"{{when: {{{', '.join(f'f{n}: {word}' for n in range(6))}}}, to: rest}}" for word in words)
        text = upon(f"[{lines}]").replace(
            "outcome: [with_us, elsewhere, not_now]", f"outcome: [with_us, elsewhere, not_now], {fields}"
        )
        assert guard
        assert told(text)[0] == (
            "too-complex: stated upon decision.made: too many combinations of values to decide which lines fit."
        )

    def test_guards_of_timed_moves_at_one_moment_exclude_each_other(self) -> None:
        """At one moment the guards decide, as in a list; a week is seven days."""
        text = need(
            "stated: {means: Said., review: {every: 1 year}, later: ["
            "{after: 7 days, to: rest, when: {fact.bought: true}}, {after: 1 week, to: other, when: {fact.purchases: {at_least: 2}}}]}",
            "other: {means: Other., watched_by: in_touch}",
            REST,
        )
        assert told(text) == [
            'overlap: stated later: "rest" and "other" both fit fact.bought = true, fact.purchases = 2 '
            "at one moment (1 week passes). Nothing decides between them."
        ]

    def test_a_timed_move_after_another_that_always_comes_is_hidden(self) -> None:
        """Who has left after 10 days does not leave after 20."""
        text = need(
            "stated: {means: Said., later: [{after: 10 days, to: rest}, {after: 1 month, to: other}]}",
            "other: {means: Other., watched_by: in_touch}",
            REST,
        )
        assert told(text)[0] == (
            'hidden: stated never goes to "other" (1 month passes): "rest" (10 days pass) always comes before.'
        )
        assert told(text)[1] == 'unreachable: Nothing leads to the stage "other".'

    def test_a_list_that_no_stage_uses_is_warned_of(self) -> None:
        """Each stage has its own list, so the track's is never looked at."""
        text = need(
            "stated: {means: Said., upon: {decision.made: rest}, review: {every: 1 year}}",
            "rest: {means: Rest., upon: {decision.made: stated}, review: {every: 1 year}}",
            upon="{decision.made: rest}",
        ).replace("begins: need.stated", "begins: [need.stated, decision.made]")
        assert told(text) == [
            "never-used: need upon decision.made: no stage uses this list, because each has its own for what it is about."
        ]


class TestRests:
    """Every stage that can be reached is left in bounded time, or somebody looks at it."""

    def test_a_wait_for_a_date_that_every_way_in_brings_is_proved(self) -> None:
        """The date has a limit and must be there, so the wait ends."""
        assert told(self.promise("day")) == []

    def test_a_wait_for_a_date_without_limit_is_refused(self) -> None:
        """A date any time ahead proves nothing; the finding says where to write the limit."""
        (found,) = check(self.promise("one_day"))
        assert found.code == "no-limit"
        assert found.message.startswith('"one_day" of promise.made may lie any time ahead')
        assert found.advice == 'Write "one_day: date within 5 years" in promise.made, or add a review.'
        assert found.path == ("need.stated", "promise.made")

    def test_a_wait_for_a_fact_that_one_way_in_does_not_bring_is_refused(self) -> None:
        """The path shows how one comes there without it."""
        text = self.promise("day").replace(
            "upon: {promise.made: promised}", "upon: {promise.made: promised, decision.made: promised}"
        )
        (found,) = check(text)
        assert (found.code, found.path) == ("no-date", ("need.stated", "decision.made"))
        assert found.message == 'The fact "due_on" may be missing in "promised", and then time moves nobody out of it.'

    def test_a_fact_that_was_there_before_is_there_still(self) -> None:
        """Through a stage between, and by a wait for the fact itself, it is not lost."""
        text = (
            self.promise("day")
            .replace("to: rest}", "to: late}")
            .replace(REST, "late: {means: Late., later: [{at: 10 days after due_on, to: rest}]}\n      " + REST)
        )
        assert told(text) == []

    def test_a_wait_for_the_time_of_what_led_in_is_proved(self) -> None:
        """The time of a touchpoint is in the past, so a year after it comes."""
        stage = "stated: {means: Said., later: [{at: 1 year after heard, to: rest}]}"
        assert told(need(stage, REST)) == []
        assert told(
            need(stage, REST)
            .replace("heard, to", "replied, to")
            .replace("facts: {}", "facts: {replied: {last: reply.sent}}")
        ) == ['no-date: The fact "replied" may be missing in "stated", and then time moves nobody out of it.']

    @pytest.mark.parametrize(
        "given", ["fact.due_on: {given: true}", 'fact.due_on: {at_least: "2026-01-01"}', "until: {given: true}"]
    )
    def test_a_way_that_only_whoever_has_the_date_can_go_brings_it(self, given: str) -> None:
        """A guard that a missing value does not fit is as good as a field that must be there."""
        text = need(
            "stated: {means: Said., upon: {offer.made: [{when: {GIVEN}, to: promised}, {to: rest}]}, review: {every: 1 year}}",
            "promised: {means: Promised., upon: {offer.made: rest}, later: [{at: due_on, to: rest}]}",
            REST,
            facts="{due_on: {last: offer.made.until}}",
        )
        assert told(text.replace("GIVEN", given)) == []
        assert [each.code for each in check(text.replace("GIVEN", "fact.bought: true"))] == ["no-date"]

    def test_who_comes_by_otherwise_has_what_the_other_lines_say_they_lack(self) -> None:
        """`given: false` stays, so whoever goes on has the date; a timed move with the guard is the same."""
        text = need(
            "stated: {means: Said., upon: {offer.made: [{when: {fact.due_on: {given: false}}, to: stay}, {to: promised}]}, "
            "later: [{after: 9 days, to: promised, when: {fact.due_on: {given: true}}}], review: {every: 1 year}}",
            "promised: {means: Promised., upon: {offer.made: rest}, later: [{at: due_on, to: rest}]}",
            REST,
            facts="{due_on: {last: offer.made.until}}",
        )
        assert told(text) == []

    def test_a_date_that_need_not_be_there_is_told_where_it_is_declared(self) -> None:
        """The field is written under `optional`: that is the line to mend."""
        text = need(
            "stated: {means: Said., upon: {offer.made: promised}, review: {every: 1 year}}",
            "promised: {means: Promised., upon: {offer.made: rest}, later: [{at: due_on, to: rest}]}",
            REST,
            facts="{due_on: {last: offer.made.until}}",
        )
        (found,) = check(text)
        assert (found.code, text.splitlines()[found.line - 1][found.column - 1 :][:5]) == ("no-date", "until")

    @pytest.mark.parametrize("by", ["us", "system"])
    def test_a_wait_that_news_of_ours_puts_off_for_ever_is_refused(self, by: str) -> None:
        """A letter every month, and a year after the last letter never comes."""
        text = need(
            "stated: {means: Said., upon: {reply.sent: written}, review: {every: 1 year}}",
            "written: {means: Written., later: [{at: 1 year after replied, to: rest}]}",
            REST,
            facts="{replied: {last: reply.sent}}",
        ).replace("reply.sent: {by: us", f"reply.sent: {{by: {by}")
        (found,) = check(text)
        assert (found.code, found.path) == ("renewed", ("need.stated", "reply.sent", "reply.sent"))
        assert "renewed by reply.sent" in found.message
        anew = text.replace("written: {means: Written., ", "written: {means: Written., upon: {reply.sent: written}, ")
        assert told(anew) == []
        assert told(text.replace("{last: reply.sent}", "{first: reply.sent}")) == []
        assert told(text.replace(f"reply.sent: {{by: {by}", "reply.sent: {by: person")) == []

    def test_a_fact_of_the_policy_is_renewed_by_news_that_reaches_no_instance(self) -> None:
        """A letter about another need renews the fact, and moves nobody here."""
        text = need(
            "stated: {means: Said., upon: {reply.sent: stated}, later: [{at: 1 year after replied, to: rest}]}", REST
        ).replace("facts:\n", "facts:\n  replied: {last: [need.stated, reply.sent]}\n", 1)
        assert [each.code for each in check(text)] == ["renewed"]

    def test_news_that_moves_only_some_puts_the_wait_off_for_the_others(self) -> None:
        """A guarded line may not fit, unless the fact takes in no more than what fits."""
        text = need(
            "stated: {means: Said., upon: {decision.made: [{when: {outcome: not_now}, to: stated}]}, "
            "later: [{at: 1 year after decided, to: rest}]}",
            REST,
            facts="{decided: {last: [need.stated, decision.made]}}",
        ).replace("decision.made: {by: person", "decision.made: {by: us")
        assert [each.code for each in check(text)] == ["renewed"]
        only = text.replace("[need.stated, decision.made]", "decision.made, when: {outcome: not_now}")
        assert [each.code for each in check(only)] == ["no-date"]

    def test_a_start_that_everybody_is_moved_on_from_is_reached_and_needs_a_rest_all_the_same(self) -> None:
        """The touchpoint that begins an instance moves it on at once, and every instance enters its start."""
        text = need("stated: {means: Said., upon: {need.stated: rest}, watched_by: in_touch}", REST)
        assert told(text) == []
        (found,) = check(text.replace(", watched_by: in_touch}\n      rest", "}\n      rest"))
        assert (found.code, found.path) == ("no-way-out", ("need.stated",))
        assert found.message == 'Nothing moves a person out of "stated" but news, and news may not come.'

    def test_a_type_after_which_a_person_stands_in_no_track_is_warned_of(self) -> None:
        """Without a track for everybody, somebody may be known and looked after by nobody."""
        text = need("stated: {means: Said., review: {every: 1 year}}").replace(WATCH, "\n")
        assert told(text) == [
            "begins-nothing: Somebody of whom nothing is known but offer.made, decision.made, purchase.completed, reply.sent, "
            "promise.made stands in no track, and nobody looks after them."
        ]

    @staticmethod
    def promise(field: str) -> str:
        return need(
            "stated: {means: Said., upon: {promise.made: promised}, review: {every: 1 year}}",
            "promised: {means: Promised., later: [{at: 1 day after due_on, to: rest}]}",
            REST,
            facts=f"{{due_on: {{last: promise.made.{field}}}}}",
        ).replace("promise.made: {by: us", "promise.made: {by: person")


class TestBeginnings:
    """Who is watched, and what is heard first."""

    MORE = "  in_other:\n    per: need\n    start: one\n    begins: need.stated\n    stages: {one: {means: One., watched_by: WATCHED}}\n"

    def test_a_wrong_watching_track_is_told_of_where_it_is_named(self) -> None:
        """Another track watches everybody, so the line that names this one is wrong."""
        text = policy_text(self.MORE.replace("WATCHED", "in_other"))
        (found,) = check(text)
        assert (found.code, text.splitlines()[found.line - 1][found.column - 1 :][:8]) == ("watch", "watched_")
        assert check(policy_text(self.MORE.replace("WATCHED", "in_touch"))) == []

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("per: person", "per: need\n    begins: need.stated"),
            ("start: here", "begins: [need.stated]\n    start: here"),
        ],
    )
    def test_a_watching_track_that_was_made_wrong_is_told_of_in_itself(self, old: str, new: str) -> None:
        """No other track watches, so this one should."""
        text = policy_text(self.MORE.replace("WATCHED", "in_touch"), watch=WATCH.replace(old, new))
        (found,) = [each for each in check(text) if each.code == "watch"]
        assert text.splitlines()[found.line - 1].strip() == new.partition("\n")[0]

    def test_news_that_may_come_first_and_begins_nothing_is_warned_of(self) -> None:
        """A decision about a need that was never stated: nobody is asked for, as the finding says."""
        text = need(
            "stated: {means: Said., review: {every: 1 year}}",
            "lost: {means: Lost., loss: true, upon: {offer.made: stay}, review: {every: 90 days}}",
            "kept: {means: Kept., watched_by: in_touch}",
            upon="{decision.made: lost, offer.made: kept}",
        )
        (found,) = check(text)
        assert (found.code, found.severity, found.path) == ("unheard", "warns", ("decision.made",))
        assert found.message == (
            "decision.made may be the first that is heard of a need, and begins nothing: "
            'then nobody comes to "lost", and what is asked there is not asked.'
        )
        assert check(text.replace("begins: need.stated", "begins: [need.stated, decision.made]")) == []
        assert (
            check(
                text.replace("    begins: need.stated\n", "").replace("made: kept}", "made: kept, need.stated: stated}")
            )
            == []
        )

    def test_news_that_begins_and_does_not_move_is_warned_of(self) -> None:
        """An offer is no statement of a need; unless the start says that it belongs there."""
        text = need("stated: {means: Said., review: {every: 1 year}}").replace(
            "begins: need.stated", "begins: [need.stated, offer.made]"
        )
        (found,) = check(text)
        assert (found.code, found.severity) == ("unmoved", "warns")
        assert found.message == 'offer.made begins "need" and leaves it in "stated", as need.stated does.'
        assert text.splitlines()[found.line - 1].strip() == "begins: [need.stated, offer.made]"
        assert check(text.replace("{means: Said., ", "{means: Said., upon: {offer.made: stay}, ")) == []


class TestMarks:
    """A loss that nobody marked, by its word, its type or its name."""

    @staticmethod
    def marked(track: str, stage: str, line: str = "to: STAGE", type_name: str = "decision.made") -> list[str]:
        return [
            each.message
            for each in check(
                need(
                    f"stated: {{means: Said., upon: {{{type_name}: [{{{line}}}]}}, review: {{every: 1 year}}}}",
                    f"{stage}: {{means: There., review: {{every: 90 days}}}}",
                )
                .replace("STAGE", stage)
                .replace("  need:\n    per: need", f"  {track}:\n    per: {'need' if track == 'need' else 'case'}")
                .replace(
                    "touchpoints:\n",
                    "touchpoints:\n  membership.cancelled: {by: person, data: {need: id}}\n"
                    "  lesson.cancelled: {by: person, data: {need: id}}\n",
                    1,
                )
                .replace("need: id", "need: id, case: id, hand: [left, right]")
            )
            if each.code == "loss-mark"
        ]

    def test_a_type_that_leads_to_a_loss_by_what_it_says_is_none_where_it_says_else(self) -> None:
        """Its name says nothing of the other stage; a word of its data still does."""
        lines = "[{when: {hand: left}, to: fell}, {when: {hand: right}, to: over}]"
        text = need(
            f"stated: {{means: Said., upon: {{membership.cancelled: {lines}}}, review: {{every: 1 year}}}}",
            "fell: {means: I left., loss: true, review: {every: 90 days}}",
            "over: {means: It went on elsewhere., review: {every: 90 days}}",
        ).replace(
            "touchpoints:\n",
            "touchpoints:\n  membership.cancelled: {by: person, data: {need: id, hand: [left, right]}}\n",
            1,
        )
        assert told(text) == []
        assert [each.code for each in check(text.replace("loss: true, ", ""))] == ["loss-mark"]

    @pytest.mark.parametrize(
        ("stage", "line", "type_name", "said"),
        [
            ("over", "when: {outcome: elsewhere}, to: STAGE", "decision.made", "is reached by outcome = elsewhere"),
            ("over", "to: STAGE", "membership.cancelled", "is reached by membership.cancelled"),
            ("lost", "to: STAGE", "decision.made", "is called like a loss"),
            ("went_elsewhere", "to: STAGE", "decision.made", "is called like a loss"),
            ("lapsed", "to: STAGE", "decision.made", "is called like a loss"),
            ("left", "to: STAGE", "decision.made", "is called like a loss"),
        ],
    )
    def test_a_stage_that_looks_like_a_loss_is_warned_of(
        self, stage: str, line: str, type_name: str, said: str
    ) -> None:
        """By a word of the data, by the type that leads there, or by its own name."""
        (message,) = self.marked("need", stage, line, type_name)
        assert message.startswith(f'"{stage}" {said}')

    @pytest.mark.parametrize(
        ("track", "stage", "line", "type_name"),
        [
            ("need", "over", "when: {hand: left}, to: STAGE", "decision.made"),
            ("need", "over", "to: STAGE", "lesson.cancelled"),
            ("need", "over", "when: {none_of: [{outcome: elsewhere}]}, to: STAGE", "decision.made"),
            ("need", "left_alone", "to: STAGE", "decision.made"),
            ("need", "met_elsewhere", "to: STAGE", "decision.made"),
            ("lesson", "cancelled", "to: STAGE", "lesson.cancelled"),
        ],
    )
    def test_words_that_mean_many_things_are_not(self, track: str, stage: str, line: str, type_name: str) -> None:
        """A left hand, a cancelled lesson, somebody who is left alone: nobody is lost."""
        assert self.marked(track, stage, line, type_name) == []


class TestLosses:
    """After a loss somebody is asked for."""

    @staticmethod
    def loss(body: str, *more: str) -> str:
        return need(f"stated: {{means: Said., loss: true, {body}}}", *more, REST)

    @pytest.mark.parametrize(
        "body",
        [
            "tasks: {ask_after: {after: 30 days, ask: Ask}}, later: [{after: 31 days, to: rest}]",
            "tasks: {ask_after: {every: 300 days, ask: Ask}}, later: [{after: 1 year, to: rest}]",
            "review: {every: 180 days}, upon: {decision.made: rest}",
            "review: {every: 1 year}, upon: {decision.made: rest}",
            "review: {every: 12 months}, upon: {decision.made: rest}",
            "review: {every: 366 days}, upon: {decision.made: rest}",
        ],
    )
    def test_a_task_or_a_review_within_a_year_is_a_follow_up(self, body: str) -> None:
        """It has no guard and opens before time moves the person on."""
        assert told(self.loss(body)) == []

    @pytest.mark.parametrize(
        "body",
        [
            "later: [{after: 30 days, to: rest}]",
            "tasks: {ask_after: {after: 30 days, ask: Ask}}, later: [{after: 30 days, to: rest}]",
            "tasks: {ask_after: {after: 13 months, ask: Ask}}, watched_by: in_touch, upon: {reply.sent: rest}",
            "tasks: {ask_after: {after: 30 days, ask: Ask, when: {fact.bought: true}}}, later: [{after: 60 days, to: rest}]",
            "tasks: {ask_after: {at: heard, ask: Ask}}, later: [{after: 60 days, to: rest}]",
            "tasks: {thank: {ask: Thank, stays: true}}, later: [{after: 60 days, to: rest}]",
            "tasks: {ask_after: {after: 30 days, ask: Ask}}, later: [{after: 60 days, to: rest}, {at: heard, to: rest, name: again}]",
            "review: {every: 2 years}, upon: {decision.made: rest}",
            "review: {every: 367 days}, upon: {decision.made: rest}",
            "tasks: {thank: {after: 0 days, ask: Thank, stays: true}}, later: [{after: 60 days, to: rest}]",
            "tasks: {thank: {after: 2 hours, ask: Thank, stays: true}}, later: [{after: 60 days, to: rest}]",
            "tasks: {ask_after: {every: 30 days after heard, ask: Ask}}, watched_by: in_touch, upon: {decision.made: rest}",
            "tasks: {ask_after: {after: 20 days, every: 30 days after replied, ask: Ask}}, watched_by: in_touch, upon: {decision.made: rest}",
        ],
    )
    def test_what_may_not_open_within_a_year_is_no_follow_up(self, body: str) -> None:
        """Left before, later than a year, guarded, at a fact, or thanks that stay open."""
        text = self.loss(body).replace("facts:\n", "facts:\n  replied: {last: reply.sent}\n", 1)
        codes = {each.code for each in check(text) if each.severity == "refuses"}
        assert codes == {"loss"}

    def test_a_task_on_every_way_out_is_a_follow_up(self) -> None:
        """The loss itself asks nothing; time and news both lead to a stage that does."""
        asks = (
            "asks: {means: Asked., tasks: {ask_after: {after: 10 days, ask: Ask}}, later: [{after: 60 days, to: rest}]}"
        )
        assert told(self.loss("later: [{after: 30 days, to: asks}], upon: {reply.sent: asks}", asks)) == []
        (found,) = check(self.loss("later: [{after: 30 days, to: asks}], upon: {reply.sent: rest}", asks))
        assert (found.code, found.path) == ("loss", ("need.stated", "reply.sent"))

    def test_a_wait_for_a_date_with_a_limit_leaves_a_loss_in_time(self) -> None:
        """Who has given notice leaves by a day within 90 days, and is asked for a month after that."""
        asks = (
            "asks: {means: Asked., tasks: {ask_after: {after: 30 days, ask: Ask}}, later: [{after: 60 days, to: rest}]}"
        )
        text = need(
            "stated: {means: Said., loss: true, later: [{at: 7 days after moves_on, to: asks}]}",
            asks,
            REST,
            facts="{moves_on: {last: need.stated.moves_on}}",
        ).replace(
            "need.stated: {by: person, data: {need: id}}",
            "need.stated: {by: person, data: {need: id, moves_on: date within LIMIT}}",
        )
        assert check(text.replace("LIMIT", "90 days")) == []
        assert [each.code for each in check(text.replace("LIMIT", "1 year"))] == ["loss"]

    def test_a_wait_that_they_put_off_by_what_they_say_about_another_key_does_not(self) -> None:
        """A year after they were heard, of whatever, may be years after they came to this loss."""
        asks = (
            "asks: {means: Asked., tasks: {ask_after: {after: 3 days, ask: Ask}}, later: [{after: 60 days, to: rest}]}"
        )
        text = need("stated: {means: Said., loss: true, later: [{at: 200 days after heard, to: asks}]}", asks, REST)
        assert [each.code for each in check(text)] == ["loss"]
        own = text.replace("after heard", "after said").replace("facts: {}", "facts: {said: {last: need.stated}}")
        assert check(own) == []

    def test_a_loss_that_is_asked_about_only_at_once_is_warned_of(self) -> None:
        """On the day of the loss nobody can know whether they are taken care of."""
        (found,) = check(self.loss("tasks: {learn_why: {ask: Ask why}}, later: [{after: 60 days, to: rest}]"))
        assert (found.code, found.severity) == ("loss-at-once", "warns")

    @pytest.mark.parametrize("by", ["us", "system"])
    def test_news_that_is_not_theirs_must_lead_to_a_task_too(self, by: str) -> None:
        """It may come the day after the loss, and then nothing of the loss is asked any more."""
        text = self.loss(
            "tasks: {ask_after: {after: 30 days, ask: Ask}}, upon: {reply.sent: rest}, watched_by: in_touch"
        ).replace("reply.sent: {by: us", f"reply.sent: {{by: {by}")
        (found,) = check(text)
        assert (found.code, found.path) == ("loss", ("need.stated", "reply.sent"))
        assert found.message.endswith(
            "reply.sent is not their news, and may come before anything is asked, or again and again."
        )
        assert text.splitlines()[found.line - 1][found.column - 1 :].startswith("rest}")
        assert told(text.replace(f"reply.sent: {{by: {by}", "reply.sent: {by: person")) == []
        asks = "rest: {means: At rest., review: {every: 300 days}}"
        assert told(text.replace(REST, asks)) == []
        late = [each.code for each in check(text.replace(REST, asks.replace("300 days", "1 year")))]
        assert late == ["loss"]

    def test_the_news_that_does_what_would_be_asked_may_come_first(self) -> None:
        """Who is asked to write to them, and has written, need not be asked."""
        text = self.loss(
            "tasks: {ask_after: {after: 30 days, ask: Ask, done_by: reply.sent}}, upon: {reply.sent: rest}, watched_by: in_touch"
        )
        assert told(text) == []
        guarded = text.replace("done_by: reply.sent", "done_by: {reply.sent: {need: n1}}")
        assert [each.code for each in check(guarded)] == ["loss"]
        fitting = guarded.replace("upon: {reply.sent: rest}", "upon: {reply.sent: [{when: {need: n1}, to: rest}]}")
        assert told(fitting) == []

    def test_a_loss_that_news_of_ours_enters_anew_is_never_asked_about(self) -> None:
        """Letters every 30 days, and a task after 60: each letter begins the wait anew."""
        text = self.loss(
            "tasks: {ask_after: {after: 60 days, ask: Ask}}, upon: {reply.sent: stated}, watched_by: in_touch"
        )
        (found,) = [each for each in check(text) if each.code == "loss"]
        assert found.path == ("need.stated", "reply.sent")
        assert [
            each for each in check(text.replace("reply.sent: stated", "reply.sent: stay")) if each.code == "loss"
        ] == []
        assert [each for each in check(text.replace("after: 60 days, ", "")) if each.code == "loss"] == []

    def test_two_losses_that_news_of_ours_turns_round_are_never_asked_about(self) -> None:
        """Each is asked about in time by itself, and neither is left alone for so long."""
        text = need(
            "stated: {means: Said., loss: true, tasks: {ask_after: {after: 30 days, ask: Ask}}, upon: {reply.sent: again}, watched_by: in_touch}",
            "again: {means: Again., loss: true, tasks: {ask_after: {after: 30 days, ask: Ask}}, upon: {reply.sent: stated}, watched_by: in_touch}",
        )
        assert {each.code for each in check(text)} == {"loss"}
        assert told(text.replace("upon: {reply.sent: stated}, ", "")) == []

    @pytest.mark.parametrize(
        "contact",
        [
            "most: 1 per 30 days",
            "stops: {fact.bought: false}",
            "stops: {none_of: [{fact.bought: true}]}",
            "stops: {fact.outcome: {given: false}}",
            "stops: {fact.stated: true}",
            "stops: {fact.stated_at: {given: true}}",
            "stops: {fact.mood: bad}",
            "stops: {fact.purchases: {less_than: 1}}",
            "stops: {fact.lately: 0}",
            "stops: {fact.stated_lately: {at_least: 1}}",
            "stops: {none_of: [{fact.heard: {within: 90 days}}]}",
            "stops: {fact.heard: {within: 90 days}}",
            "stops: {any.need: stated}",
            "stops: {stage.in_touch: here}",
            "stops: {none_of: [{stage.in_touch: buyer}]}",
            "stops: {any_of: [{fact.outcome: elsewhere}, {fact.bought: false}]}",
        ],
    )
    def test_a_task_that_may_never_be_asked_of_anybody_does_not_count(self, contact: str) -> None:
        """A budget may keep it back; what stops it holds for whoever is new, for everybody there, or as time passes."""
        assert [each.code for each in check(self.stopped(contact)) if each.severity == "refuses"] == ["loss"]

    @pytest.mark.parametrize(
        "contact",
        [
            "stops: {fact.outcome: not_now}",
            "stops: {fact.bought: true}",
            "stops: {fact.mood: good}",
            "stops: {fact.lately: {at_least: 1}}",
            "stops: {fact.bought_in: {has: not_now}}",
            "stops: {any.need: gone_on}",
            "stops: {none_of: [{fact.outcome: {given: false}}]}",
            "quiet: 21:00 to 08:00",
            "means: Anything.",
        ],
    )
    def test_a_kind_of_contact_that_is_stopped_by_what_was_recorded_counts(self, contact: str) -> None:
        """While it is stopped, an opt-out is recorded: something that not everybody who is there has done."""
        assert [each for each in check(self.stopped(contact)) if each.severity == "refuses"] == []

    @pytest.mark.parametrize("stops", ["fact.written: {within: 90 days}", "fact.letters: {at_least: 1}"])
    def test_a_pause_after_news_of_ours_is_no_opt_out(self, stops: str) -> None:
        """A letter each quarter would keep everybody from being asked."""
        facts = "facts:\n  written: {last: reply.sent}\n  letters: {count: reply.sent, within: 90 days}\n"
        text = self.stopped(f"stops: {{{stops}}}").replace("facts:\n", facts, 1)
        assert "loss" in [each.code for each in check(text)]
        theirs = facts.replace("reply.sent", "purchase.completed")
        assert "loss" not in [each.code for each in check(text.replace(facts, theirs))]

    @pytest.mark.parametrize(
        ("upon", "is_choice"),
        [
            ("{decision.made: hush}", False),
            ("{any by person: hush}", False),
            ("{decision.made: [{when: {fact.heard: {given: true}}, to: hush}, {to: stay}]}", False),
            ("{decision.made: [{when: {reason: never_write}, to: hush}, {to: stay}]}", True),
            ("{purchase.completed: hush}", True),
        ],
    )
    def test_a_stage_to_which_the_loss_itself_leads_is_no_opt_out(self, upon: str, is_choice: bool) -> None:
        """In another track; what the touchpoint says besides, and what else they do, is somebody's choice."""
        text = need(
            "stated: {means: Said., upon: {decision.made: [{when: {outcome: elsewhere}, to: lost}, {to: rest}]}, review: {every: 1 year}}",
            "lost: {means: Lost., loss: true, tasks: {ask_after: {after: 30 days, ask: Ask}}, later: [{after: 60 days, to: rest}]}",
            REST,
        ).replace("touchpoints:", "contact: {offered: {reaches: person, stops: {stage.mind: hush}}}\ntouchpoints:", 1)
        mind = (
            f"  mind:\n    per: person\n    start: open\n    begins: [need.stated]\n    upon: {upon}\n"
            "    stages: {open: {means: Open., watched_by: in_touch}, hush: {means: Hush., watched_by: in_touch}}\n"
        )
        assert ("loss" in [each.code for each in check(text + mind)]) is not is_choice

    @pytest.mark.parametrize(
        "task", ["after: 30 days, ask: Ask, due: heard", "after: 30 days, ask: Ask, due: 0 days, expires: 0 days"]
    )
    def test_a_task_that_is_given_up_as_soon_as_it_is_asked_does_not_count(self, task: str) -> None:
        """A day that may be past by then, or no time at all, leaves nobody time to do it."""
        text = self.loss(f"tasks: {{ask_after: {{{task}}}}}, watched_by: in_touch")
        assert {each.code for each in check(text)} & {"loss", "no-time"} == {"loss" if "heard" in task else "no-time"}
        right = self.loss("tasks: {ask_after: {after: 30 days, ask: Ask, due: 0 days}}, watched_by: in_touch")
        assert {each.code for each in check(right)} & {"loss", "no-time"} == set()

    def test_what_follows_a_task_needs_time_too(self) -> None:
        """An escalation that is given up at once escalates nothing."""
        follows = "or_else: {ask: Ask, due: 0 days, expires: 0 days}"
        text = need(f"stated: {{means: Said., tasks: {{look: {{ask: Ask, {follows}}}}}, review: {{every: 1 year}}}}")
        assert [each.code for each in check(text)] == ["no-time"]

    def test_an_opt_out_may_be_said_with_the_loss_but_not_be_the_loss(self) -> None:
        """What a touchpoint says besides is somebody's choice; what leads to the loss stops it for everybody."""
        text = need(
            "stated: {means: Said., upon: {decision.made: [{when: {outcome: elsewhere}, to: lost}, {to: rest}]}, review: {every: 1 year}}",
            "lost: {means: Lost., loss: true, tasks: {ask_after: {after: 30 days, ask: Ask}}, later: [{after: 60 days, to: rest}]}",
            REST,
        ).replace("touchpoints:", "contact: {offered: {reaches: person, stops: {fact.outcome: STOP}}}\ntouchpoints:", 1)
        assert [each.code for each in check(text.replace("STOP", "elsewhere"))] == ["loss"]
        assert check(text.replace("STOP", "not_now")) == []
        said = text.replace("fact.outcome: STOP", "fact.reason: never_write").replace(
            "  outcome: {last", "  reason: {last: decision.made.reason}\n  outcome: {last"
        )
        assert check(said) == []

    def test_a_task_that_quiet_hours_may_put_off_until_time_has_moved_on_does_not_count(self) -> None:
        """What waits for the end of the night waits with its stage."""
        quiet = "quiet: 21:00 to 08:00"
        text = self.stopped(quiet).replace("after: 90 days, to", "after: LEFT, to")
        assert [each.code for each in check(text.replace("LEFT", "31 days"))] == ["loss"]
        assert check(text.replace("LEFT", "33 days")) == []
        holidays = (
            text.replace("touchpoints:", "calendar: {holidays_from: fact.country}\ntouchpoints:", 1)
            .replace("facts:\n", "facts:\n  country: {last: place.told.country}\n", 1)
            .replace("touchpoints:\n", "touchpoints:\n  place.told: {by: person, data: {country: country}}\n", 1)
        )
        assert [each.code for each in check(holidays.replace("LEFT", "33 days"))] == ["loss"]
        assert check(holidays.replace("LEFT", "60 days")) == []

    @staticmethod
    def stopped(contact: str) -> str:
        """Return a policy with a loss whose follow-up is of a kind of contact that is so."""
        head = HEAD.replace(
            "facts:\n",
            "facts:\n  stated: {ever: need.stated}\n  stated_at: {first: need.stated}\n"
            "  stated_lately: {count: need.stated, within: 365 days}\n",
        ).replace("touchpoints:", f"contact: {{offered: {{reaches: person, {contact}}}}}\ntouchpoints:", 1)
        watch = WATCH.replace(
            "{here: {means: Here., review",
            "{buyer: {means: B., review: {every: 1 year}}, here: {upon: {purchase.completed: buyer}, means: Here., review",
        )
        return (
            need(
                "stated: {means: Said., loss: true, tasks: {ask_after: {after: 30 days, ask: Ask}}, upon: {purchase.completed: gone_on}, later: [{after: 90 days, to: rest}]}",
                "gone_on: {means: On., watched_by: in_touch}",
                REST,
            )
            .replace(HEAD, head)
            .replace(WATCH, watch)
            .replace("data: {amount: money}", "data: {amount: money, need: id}")
        )


class TestTime:
    """Loops, tasks that never open, and budgets."""

    def test_a_loop_over_a_moment_of_a_fact_need_not_wait(self) -> None:
        """A moment that has passed fires at once."""
        text = need(
            "stated: {means: Said., tasks: {look: {ask: Look}}, later: [{after: 23 hours, to: again}]}",
            "again: {means: Again., tasks: {look: {ask: Look}}, later: [{at: 1 day after heard, to: stated}]}",
        )
        assert told(text) == [
            'loop-too-fast: Time alone goes round "stated" -> "again" -> "stated" and need not wait a day.'
        ]

    def test_a_loop_that_waits_and_asks_is_proved(self) -> None:
        """A day or more somewhere, a task somewhere."""
        text = need(
            "stated: {means: Said., tasks: {look: {ask: Look}}, later: [{after: 1 day, to: again}]}",
            "again: {means: Again., later: [{at: 1 day after heard, to: stated}]}",
        )
        assert told(text) == []

    def test_a_guarded_task_does_not_make_a_loop_ask(self) -> None:
        """Its guard may never hold."""
        text = need(
            "stated: {means: Said., tasks: {look: {ask: Look, when: {fact.bought: true}}}, later: [{after: 30 days, to: stated}]}"
        )
        assert told(text) == [
            'loop-without-task: Time alone goes round "stated" -> "stated" for ever and asks nobody for anything.'
        ]

    def test_a_task_that_opens_after_its_stage_is_left_is_warned_of(self) -> None:
        """At the very moment of leaving nothing is asked any more."""
        text = need(
            "stated: {means: Said., tasks: {look: {after: 30 days, ask: Look}}, later: [{after: 30 days, to: rest}]}",
            REST,
        )
        (found,) = check(text)
        assert (found.code, found.severity) == ("never-opens", "warns")
        assert found.message == 'The task "look" never opens: "stated" is left after 30 days.'

    def test_an_escalation_that_opens_after_its_stage_is_left_is_warned_of(self) -> None:
        """Due after 10 days and given up after 30, when time has moved the person on after 20."""
        task = "look: {ask: Look, due: 10 days, or_else: {ask: Look now}}"
        text = need(f"stated: {{means: Said., tasks: {{{task}}}, later: [{{after: 20 days, to: rest}}]}}", REST)
        assert told(text) == ['never-opens: What follows "look" never opens: "stated" is left before.']
        assert told(text.replace("or_else: {", "stays: true, or_else: {")) == []
        assert told(text.replace("after: 20 days", "after: 60 days")) == []

    def test_more_repeated_tasks_than_the_budget_are_refused(self) -> None:
        """Every week for ever is more than twice in 30 days; guarded tasks only warn."""
        text = need(
            "stated: {means: Said., tasks: {look: {every: 7 days, ask: Look}}, review: {every: 1 year}}"
        ).replace("touchpoints:", "contact: {offered: {reaches: person, most: 2 per 30 days}}\ntouchpoints:", 1)
        (found,) = check(text)
        assert (found.code, found.severity) == ("over-budget", "refuses")
        assert found.message == (
            'One of each track asks 4.3 times in 30 days for ever, and "offered" allows 2 per 30 days. Most is asked in "need.stated".'
        )
        guarded = check(text.replace("ask: Look}", "ask: Look, when: {fact.bought: true}}"))
        assert [each.severity for each in guarded] == ["warns"]
        assert check(text.replace("every: 7 days", "every: 16 days")) == []
        assert check(text.replace("reaches: person", "reaches: nobody")) == []

    def test_a_setting_that_depends_on_a_fact_counts_with_each_of_its_values(self) -> None:
        """The shortest decides whether a loop is too fast, the longest whether a task opens in time."""
        settings = "settings: {wait: {depends_on: mood, good: 23 hours, bad: 90 days}}\ntouchpoints:"
        loop = need("stated: {means: Said., tasks: {look: {ask: Look}}, later: [{after: $wait, to: stated}]}")
        assert [each.code for each in check(loop.replace("touchpoints:", settings, 1))] == ["loop-too-fast"]
        task = need(
            "stated: {means: Said., loss: true, tasks: {look: {after: $wait, ask: Look}}, later: [{after: 60 days, to: rest}]}",
            REST,
        )
        assert [each.code for each in check(task.replace("touchpoints:", settings, 1))] == ["loss"]
        assert check(task.replace("touchpoints:", settings.replace("23 hours", "1 day").replace("90", "30"), 1)) == []

    @pytest.mark.parametrize("at", ["heard", "2 years after heard"])
    def test_a_task_at_a_moment_behind_the_end_of_its_stage_is_warned_of(self, at: str) -> None:
        """The stage is left at the same fact, no later."""
        left = {"heard": "heard", "2 years after heard": "1 year after heard"}[at]
        stage = f"stated: {{means: Said., tasks: {{look: {{at: {at}, ask: Look}}}}, later: [{{at: {left}, to: rest}}]}}"
        (found,) = check(need(stage, REST))
        assert (found.code, found.severity) == ("never-opens", "warns")
        assert check(need(stage.replace(f"later: [{{at: {left}", "later: [{at: 3 years after heard"), REST)) == []

    @pytest.mark.parametrize(
        "where",
        [
            "tasks: {look: {at: 1 day before heard, ask: Look}}, later: [{after: 9 days, to: rest}]",
            "later: [{at: 1 day before heard, to: rest}]",
        ],
    )
    def test_a_moment_before_something_that_happened_is_refused(self, where: str) -> None:
        """It has always passed, so the task would come at once."""
        (found,) = check(need(f"stated: {{means: Said., {where}}}", REST))
        assert (found.code, found.severity) == ("always-past", "refuses")
        assert check(need(f"stated: {{means: Said., {where.replace('1 day before', '1 day after')}}}", REST)) == []

    def test_a_task_so_long_after_what_led_in_is_warned_of_where_the_stage_ends_before(self) -> None:
        """A year after they were heard is a year after they came here, or later."""
        stage = "stated: {means: Said., tasks: {look: {at: 1 year after heard, ask: Look}}, later: [{after: 60 days, to: rest}]}"
        assert [each.code for each in check(need(stage, REST))] == ["never-opens"]
        assert check(need(stage.replace("at: 1 year", "at: 59 days"), REST)) == []

    def test_a_long_row_of_moves_that_may_come_at_one_instant_is_refused(self) -> None:
        """Every one of them lies in the past, and the fold goes a hundred rounds at one instant."""
        moves = [f"s{number}: {{means: On., later: [{{at: heard, to: s{number + 1}}}]}}" for number in range(130)]
        text = need(*moves, "s130: {means: End., review: {every: 1 year}}", start="s0")
        (found,) = check(text)
        assert (found.code, found.severity) == ("long-chain", "refuses")
        assert check(text.replace("at: heard, to: s60}", "after: 1 hour, to: s60}")) == []
        assert check_loops.MAX_CHAIN == timers.MAX_ROUNDS

    def test_hours_that_leave_hardly_any_time_are_warned_of(self) -> None:
        """A minute of work a day, or a minute in which people may be reached."""
        text = PROVED.replace(
            "touchpoints:",
            "calendar: {hours: 09:59 to 10:01}\ncontact: {offered: {reaches: person, quiet: 08:00 to 07:59}}\ntouchpoints:",
            1,
        )
        found = [
            (each.code, each.severity, text.splitlines()[each.line - 1][each.column - 1 :][:5]) for each in check(text)
        ]
        assert found == [("hardly-any-time", "warns", "hours"), ("hardly-any-time", "warns", "quiet")]
        assert check(text.replace("10:01", "10:59").replace("07:59", "07:00")) == []

    def test_what_excludes_each_other_does_not_add_up_to_a_budget(self) -> None:
        """Guards that do not fit, two tracks that nobody stands in at once, a stage that time leaves."""
        head = HEAD.replace(
            "touchpoints:", "contact: {offered: {reaches: person, most: 2 per 30 days}}\ntouchpoints:", 1
        )
        one = "look: {every: 16 days, ask: Look, when: {fact.bought: true}}, other: {every: 16 days, ask: Look, when: {fact.bought: WHICH}}"
        stage = f"stated: {{means: Said., tasks: {{{one}}}, review: {{every: 1 year}}}}"
        text = need(stage).replace(HEAD, head)
        assert check(text.replace("WHICH", "false")) == []
        assert [each.code for each in check(text.replace("WHICH", "true"))] == ["over-budget"]
        tracks = (
            "  before:\n    per: person\n    start: asking\n    stages:\n"
            "      asking: {means: A., upon: {purchase.completed: done}, tasks: {look: {every: 16 days, ask: L}}, review: {every: 1 year}}\n"
            "      done: {means: D., watched_by: in_touch}\n"
            "  afterwards:\n    per: person\n    start: using\n    begins: [purchase.completed]\n    stages:\n"
            "      using: {means: U., tasks: {look: {every: 16 days, ask: L}}, review: {every: 1 year}}\n"
        )
        text = policy_text(tracks, head=head)
        assert check(text) == []
        (found,) = check(text.replace("purchase.completed: done", "offer.made: done"))
        assert (found.code, found.severity) == ("over-budget", "refuses")
        assert text.splitlines()[found.line - 1][found.column - 1 :].startswith("most:")
        weekly = (
            "stated: {means: Said., tasks: {look: {every: 7 days, ask: Look}}, later: [{after: 60 days, to: rest}]}"
        )
        assert check(need(weekly, REST).replace(HEAD, head)) == []
        turning = weekly.replace("to: rest", "to: stated")
        assert [each.code for each in check(need(turning).replace(HEAD, head))] == ["over-budget"]

    def test_lanes_without_customers_are_warned_of(self) -> None:
        """Where nobody is marked as a customer, nothing shows that customers come first."""
        text = PROVED.replace("customers: true, ", "")
        assert [each.code for each in check(text)] == ["no-customers"]


def test_a_generated_policy_of_a_hundred_stages_is_proved() -> None:
    """The policy that the benchmark measures is one without findings that refuse it."""
    assert [each for each in check(generated(100)) if each.severity == "refuses"] == []


def test_the_same_policy_has_the_same_findings() -> None:
    """Checking is a function of the policy: twice the same, in the order of places."""
    text = upon("[{when: {outcome: elsewhere}, to: rest}, {when: {outcome: [elsewhere]}, to: stay}]").replace(
        "customers: true, ", ""
    )
    first = check(text)
    assert first == check(text)
    assert [(each.line, each.column) for each in first] == sorted((each.line, each.column) for each in first)
    assert len(first) == 4


def test_every_code_stands_in_the_document() -> None:
    """docs/proof.md explains each code with the sentence that the checker uses, and no other codes."""
    document = (Path(__file__).parents[3] / "docs" / "proof.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:-1] for line in document.splitlines() if line.startswith("| `")]
    codes = {row[0].strip(" `"): row[2].strip() for row in rows if len(row) == 3}
    assert codes == CODES


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (check_guards, "MAX_COMBINATIONS"),
        (check_classes, "MAX_NAMED"),
        (check_guards, "MAX_EFFORT"),
        (check_paths, "MAX_STEPS"),
        (check_losses, "MAX_STEPS"),
        (check_findings, "MAX_PATH"),
    ],
)
def test_the_limits_of_the_document_are_those_of_the_checker(module: ModuleType, name: str) -> None:
    """docs/proof.md names each limit with its value."""
    document = (Path(__file__).parents[3] / "docs" / "proof.md").read_text(encoding="utf-8")
    rows = [line for line in document.splitlines() if line.startswith("|") and f"(`{name}`" in line]
    assert any(f"| {getattr(module, name):,}" in line for line in rows), rows
