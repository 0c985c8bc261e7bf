"""The process in the cluster. Standard library only."""
