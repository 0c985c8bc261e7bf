"""`ktctl explain`: what happens to a request of a Service, and why; and what did happen."""
