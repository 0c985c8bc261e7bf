"""What the two ends of a tunnel agree on. Sans-I/O: bytes and events in, bytes and events out.

A pipe starts with one hello each way (``hello``) and carries frames from then on (``frames``).
Streams live by a table (``stream``) and are paced by credit (``window``).
"""
