"""Which request goes where, as values; and the same said to Envoy, Istio and the Gateway API."""
