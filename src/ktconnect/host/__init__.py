"""The laptop's kernel: routes, capture, names; and the root helper that changes them."""
