from ktconnect.modes.report import Status
from ktconnect.modes.status import status_of
from ktconnect.tunnel.status import TunnelState, TunnelStatistics


def test_the_state_is_that_of_the_tunnels_probes():
    statistics = TunnelStatistics(
        state=TunnelState.STALLED,
        reason="no answer for 3 s",
        pipes=2,
        streams=5,
        bytes_up=10,
        bytes_down=20,
        reconnections=1,
        rtt=0.02,
        probe_age=3.1,
    )
    assert status_of(statistics) == Status(
        health="stalled",
        reason="no answer for 3 s",
        round_trip=0.02,
        pipes=2,
        streams=5,
        received=20,
        sent=10,
        reconnections=1,
    )
