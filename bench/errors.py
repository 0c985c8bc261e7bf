"""What can go wrong while measuring."""


class BenchError(Exception):
    """A measurement that could not be made: what happened. The run goes on without it."""
