"""Use cases: the only room that knows several neighbours."""
