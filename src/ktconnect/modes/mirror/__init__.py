"""`ktctl mirror`: this machine gets a copy of a Service's requests."""
