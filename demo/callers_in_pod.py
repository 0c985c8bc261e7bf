"""Run in a Pod: ``python3 -c … URL``, until its standard input ends.

Some callers ask again and again, each time on a new connection. One JSON line for each answer: the
seconds that it took, and who gave it; an error starts with "failed".
"""

import json
import sys
import threading
import time
import urllib.request

CALLERS = 5
PAUSE = 0.1
PATIENCE = 30


def ask(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return str(json.load(answer)["version"])
    except (OSError, ValueError, KeyError) as error:
        return f"failed: {error}"


def go_on(url: str) -> None:
    while True:
        began = time.monotonic()
        who = ask(url)
        sys.stdout.write(json.dumps([time.monotonic() - began, who]) + "\n")
        sys.stdout.flush()
        time.sleep(PAUSE)


for number in range(CALLERS):
    caller = threading.Timer(number * PAUSE / CALLERS, go_on, sys.argv[1:])
    caller.daemon = True
    caller.start()
sys.stdin.read()
