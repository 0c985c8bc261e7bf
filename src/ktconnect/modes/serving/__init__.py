"""Sessions that callers come to: what exchange and preview share."""
