"""For all unit tests."""

from hypothesis import settings

# a busy machine is no failure: what hangs is ended by pytest's own time limit
settings.register_profile("ktconnect", deadline=None)
settings.load_profile("ktconnect")
