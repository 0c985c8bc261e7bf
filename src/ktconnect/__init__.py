"""Join a developer's machine and a Kubernetes cluster, both ways."""

__version__ = "0.1.0"
