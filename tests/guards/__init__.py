"""What must not grow unseen, and does not depend on the machine: rows, bytes of the write-ahead log, plans. Never time.

A guard counts what one touchpoint of the demo sample costs, and compares it with a limit: a tenth above what was counted
when the limit was written, for bytes a fifth. Whoever makes something cheaper lowers its limit; whoever has a reason to
make it dearer raises it in the same change. Calls and statements are held in tests/engine/test_cost.py. Seconds are the
affair of benchmarks/, on a machine where nothing else runs.
"""
