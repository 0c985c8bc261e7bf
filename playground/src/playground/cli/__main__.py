"""``python -m playground.cli``."""

from playground.cli.main import main

main()
