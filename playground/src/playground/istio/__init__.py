"""Istio and the Gateway API on a playground, built like its Kubernetes and installed on demand."""
