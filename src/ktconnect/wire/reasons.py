"""Why a stream was reset, as RESET says it."""

import enum


class Reason(enum.IntEnum):
    """Errnos as Linux numbers them, since the two ends may run on different systems.

    Any other errno that Linux gives for a socket may appear as well.
    """

    IDLE = 0
    EPERM = 1
    EINVAL = 22
    ENFILE = 23
    ECONNABORTED = 103
    ECONNRESET = 104
    ENOBUFS = 105
    ETIMEDOUT = 110
    ECONNREFUSED = 111
    EHOSTUNREACH = 113
