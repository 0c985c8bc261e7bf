"""A real Kubernetes on one machine: nodes and the developer's laptop are network namespaces."""
