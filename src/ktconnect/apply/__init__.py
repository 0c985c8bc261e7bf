"""Reversible change: every step is journalled with its undo before it is made."""
