"""`ktctl forward`: ports of the cluster on this machine."""
