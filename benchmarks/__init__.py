"""First figures, as ratios measured in one run. `make bench` runs every module here whose name is a word.

Modules that begin with an underscore are what the benchmarks share, and the baselines that run as processes
of their own. docs/benchmarks.md says what each ratio means.
"""
