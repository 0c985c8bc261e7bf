"""Sessions that take a share of a Service's requests: the drivers that put rules in the way."""
