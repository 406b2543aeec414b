"""The proof of a policy, beside the reading of it.

What it measures: CPU seconds of one core for `rules.check` and for `rules.load`, on the default policy and on generated
ones with so many stages. A generated policy has ten stages a track; each has a list that decides, two tasks and a
timed move, and its track has lists for every stage. A watching track is among them.

What it does not: starting Python, reading files, printing.
"""

from __future__ import annotations

import argparse
import time
from functools import partial

from benchmarks._figures import interleaved, positive, report, spread
from lifecycle.policies import shipped_policy
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.language.policy import Policy
from lifecycle.rules.proof.check import check_policy

STAGES_A_TRACK = 10

_HEAD = """\
policy: generated
language: 1
lanes: [{is: customer, customers: true, when: {fact.bought: true}}, {is: prospect}]
touchpoints:
  purchase.completed: {by: person, data: {amount: money}}
  reply.sent: {by: us, optional: {item: id}}
  item.begun: {by: person, data: {item: id}}
  item.judged: {by: person, data: {item: id, grade: whole, word: [good, fair, poor]}}
facts:
  bought: {ever: purchase.completed}
  spend: {sum: purchase.completed.amount, within: 365 days}
  judged: {count: item.judged}
tracks:
  in_touch:
    per: person
    start: here
    stages: {here: {means: Here., review: {every: 1 year}}}
"""

_TRACK = """\
  track_{number}:
    per: item
    start: stage_{number}_0
    begins: item.begun
    upon:
      item.judged:
        - {{when: {{word: good, fact.judged: {{less_than: 5}}}}, to: stage_{number}_0}}
        - {{when: {{word: fair}}, to: stage_{number}_1}}
        - {{when: {{word: good, fact.judged: {{at_least: 5}}}}, to: stage_{number}_2}}
    stages:
"""

_STAGE = """\
      stage_{number}_{place}:
        means: I am here.
        upon:
          item.begun:
            - {{when: {{fact.spend: {{at_least: 100 EUR}}, fact.bought: true}}, to: stage_{number}_{following}}}
            - {{to: stay}}
        tasks:
          answer: {{ask: Answer, due: 2 days, done_by: reply.sent, or_else: {{ask: Answer now, by: lead}}}}
          look: {{after: 30 days, ask: Look again, when: {{fact.judged: {{less_than: 3}}}}}}
        later: [{{after: 90 days, to: stage_{number}_{following}}}]
"""


def generated(stages: int) -> str:
    """Return the text of a policy with so many stages, and one for the track that watches."""
    parts = [_HEAD]
    for number in range((stages + STAGES_A_TRACK - 1) // STAGES_A_TRACK):
        parts.append(_TRACK.format(number=number))
        parts += [
            _STAGE.format(number=number, place=place, following=(place + 1) % STAGES_A_TRACK)
            for place in range(STAGES_A_TRACK)
        ]
    return "".join(parts)


def timed_load(text: str) -> float:
    """Return the CPU seconds of reading a policy."""
    began = time.process_time()
    load_policy(text)
    return time.process_time() - began


def timed_check(policy: Policy) -> float:
    """Return the CPU seconds of proving a policy."""
    began = time.process_time()
    check_policy(policy)
    return time.process_time() - began


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", type=positive, nargs="*", default=[100, 300], help="stages of generated policies")
    parser.add_argument("--repetitions", type=positive, default=5)
    arguments = parser.parse_args()
    texts = {"default policy": shipped_policy()}
    texts |= {f"{count} stages": generated(count) for count in arguments.stages}
    policies = {name: load_policy(text) for name, text in texts.items()}
    cases = {f"load, {name}": partial(timed_load, text) for name, text in texts.items()}
    cases |= {f"check, {name}": partial(timed_check, policy) for name, policy in policies.items()}
    figures = interleaved(arguments.repetitions, cases)
    rows = {name: {"CPU ms": spread(took * 1000 for took in figures[name])} for name in cases}
    report("check", "reading and proving a policy", f"{arguments.repetitions} repetitions", {"CPU ms": ".1f"}, rows)


if __name__ == "__main__":
    main()
