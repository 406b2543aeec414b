"""`python -m lifecycle.cli`: the program where it is not installed."""

from lifecycle.cli.start import main

main()
