"""What speaks against taking a Service, and what the user should know before."""
