"""Sessions in the cluster: announced, kept alive, taken over, and undone when they are dead."""
