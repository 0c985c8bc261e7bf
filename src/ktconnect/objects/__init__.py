"""Manifests as pure functions: facts and specs in, plain dicts out."""
