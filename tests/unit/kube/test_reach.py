import asyncio
import socket
import ssl

import pytest

from ktconnect.kube.config import KubeConfig
from ktconnect.kube.reach import root, unreachable

CONFIG = KubeConfig("https://h:6443")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "h:6443 refuses connections"),
        (socket.gaierror(-2, "Name not known"), "can't be resolved: Name not known"),
        (ssl.SSLError(1, "bad version"), "broke off the TLS handshake"),
        (OSError(113, "No route to host"), "otherwise: No route to host"),
        (TimeoutError(), "h:6443 otherwise"),
    ],
)
def test_the_cause_is_put_in_words(error, told):
    assert told in str(unreachable(CONFIG, error, "otherwise"))


def test_the_root_is_found_through_chains_and_groups():
    refused = ConnectionRefusedError()
    chained = RuntimeError()
    chained.__cause__ = ExceptionGroup("all", [refused, OSError()])
    assert root(chained) is refused
    during = RuntimeError()
    during.__context__ = refused
    assert root(during) is refused


async def test_a_limit_of_time_is_told_without_how_it_ended_what_it_waited_for():
    with pytest.raises(TimeoutError) as late:
        async with asyncio.timeout(0):
            await asyncio.sleep(60)
    assert root(late.value) is late.value
    assert str(unreachable(CONFIG, late.value, "took too long")).endswith("h:6443 took too long")
