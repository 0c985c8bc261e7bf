"""Waits until a URL answers 200: ``python -m playground.probe URL``. Stdlib only."""

import ssl
import sys
import time
import urllib.request

BETWEEN = 0.1
PATIENCE = 2.0


def answers(url: str) -> bool:
    """Whether the URL answers 200 now. Who answers is not checked: no secret is sent."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE, context=context) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def main() -> None:
    while not answers(sys.argv[1]):
        time.sleep(BETWEEN)


if __name__ == "__main__":
    main()
