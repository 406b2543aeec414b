"""The tests. A package so that tests and benchmarks share tests.servers."""
