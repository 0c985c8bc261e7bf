"""What callers notice when a laptop that serves them dies: counted, in several ways to die."""
