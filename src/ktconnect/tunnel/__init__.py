"""Carries streams between two ends over byte pipes.

Standard library only: it runs in the laptop and in the agent. The core (``link``, ``stream``,
``dial``, ``datagram``) is made of callbacks on a ``loop.Loop``, which is asyncio's on the laptop
and our own ``epoll.EpollLoop`` in the agent; only ``tunnel.Tunnel`` is asyncio.

From the bottom: ``pipe`` (the seam) and ``socketpipe``, ``outbox`` (who may send next), ``saying``
and ``link`` (one pipe carrying many streams), ``inflow``, ``stream`` and ``datagram`` (what a
number leads to), ``dial`` and ``arrival`` (how the far end reaches targets), ``listen``
(accepting), ``tunnel`` (several links kept up).
"""
