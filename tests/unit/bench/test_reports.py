"""What the load generators say, taken apart."""

import pytest
from bench import fresh, lookups
from bench.errors import BenchError

WRK = """Running 2s test @ http://10.96.0.7:8080/
  Latency Distribution
     50%  455.00us
     75%    1.20ms
     90%    2.00ms
     99%    1.50s
  990 requests in 2.00s, 241.24KB read
  Socket errors: connect 0, read 7, write 1, timeout 2
Requests/sec:    495.12
"""
DNSPERF = """Statistics:
  Queries completed:    4000 (100.00%)
  Queries per second:   1999.5
"""


def test_wrk_tells_answers_a_second_and_errors():
    assert fresh.rate(WRK) == (495.12, 1.0)


def test_wrk_without_errors_does_not_mention_them():
    assert fresh.rate(WRK.replace("Socket errors", "Nothing")) == (495.12, 0.0)


def test_percentiles_of_wrk_come_in_milliseconds():
    assert fresh.percentiles(WRK) == {50: 0.455, 75: 1.2, 90: 2.0, 99: 1500.0}


@pytest.mark.parametrize("report", ["", WRK.replace("990 requests", "0 requests")])
def test_no_answer_is_no_figure(report):
    with pytest.raises(BenchError):
        fresh.rate(report)


def test_dnsperf_tells_answers_a_second():
    assert lookups.rate(DNSPERF) == 1999.5


def test_lookups_that_all_time_out_are_no_figure():
    with pytest.raises(BenchError):
        lookups.rate(DNSPERF.replace("4000 (", "0 ("))


def test_names_to_look_up_are_all_different():
    names = lookups.different_names()
    assert len(set(names)) == len(names) == 65536
    assert len(lookups.same_names()) == 20
