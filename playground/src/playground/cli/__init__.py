"""The command ``playground``."""
