"""Measures `ktctl connect` next to its peers, in one run, on the playground."""
