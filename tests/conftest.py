"""What all tests need, whatever started them."""

import signal

# Who runs tests in the background, or under nohup, leaves these ignored, and programs that tests
# start inherit that: then nothing would happen when a test sends them one.
for number in (signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
