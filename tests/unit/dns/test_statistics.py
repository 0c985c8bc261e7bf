from ktconnect.dns.statistics import Counters


def test_latencies_are_shown_as_percentiles():
    counters = Counters(queries=100)
    counters.latencies.extend(i / 1000 for i in range(100))
    statistics = counters.frozen(in_flight=3)
    assert (statistics.queries, statistics.in_flight) == (100, 3)
    assert (statistics.latency_p50, statistics.latency_p99) == (0.05, 0.099)


def test_without_any_answer_latencies_are_zero():
    assert Counters().frozen(0).latency_p99 == 0
