"""Every line of the table, in its order, and the goals that stand beside it. Pure."""

from bench.figures import Goal, Row

DELAYS = (0, 20)  # round trip between laptop and cluster, ms
OURS, KUBECTL, SSHUTTLE = "ktctl", "kubectl", "sshuttle"
SSH = "ssh -R"  # from the cluster to the laptop
CROWD = 10_000

_ONE_STREAM = (
    Goal(1.0, "at least", KUBECTL, aim=1.2),
    Goal(15, "at least", SSHUTTLE),
)
_EIGHT_STREAMS = (Goal(2.0, "at least", KUBECTL, aim=2.5),)


def _throughput(delay: int) -> list[Row]:
    eight = _EIGHT_STREAMS if delay else ()
    return [
        Row(f"down1@{delay}", f"download, one stream, {delay} ms", "Gbit/s", _ONE_STREAM),
        Row(f"up1@{delay}", f"upload, one stream, {delay} ms", "Gbit/s", _ONE_STREAM),
        Row(f"down8@{delay}", f"download, eight streams, {delay} ms", "Gbit/s", eight),
        Row(f"up8@{delay}", f"upload, eight streams, {delay} ms", "Gbit/s", eight),
    ]


def _latency(delay: int) -> list[Row]:
    idle = (Goal(1.0, "at most", KUBECTL),)
    busy = () if delay else (Goal(3.0, "at most", unit=" ms"),)
    return [
        Row(f"ping50@{delay}", f"request on an open connection, {delay} ms, p50", "ms", idle),
        Row(f"ping99@{delay}", "… p99", "ms"),
        Row(f"busy50@{delay}", f"the same while a download runs, {delay} ms, p50", "ms", busy),
        Row(f"busy99@{delay}", "… p99", "ms"),
    ]


def _fresh() -> list[Row]:
    one, many = Goal(3.0, "at least", KUBECTL), Goal(4.0, "at least", KUBECTL)
    return [
        Row("fresh1@0", "new connections, one by one", "/s", (one,)),
        Row("fresh1-p50@0", "… their latency, p50", "ms"),
        Row("fresh1-p99@0", "… p99", "ms"),
        Row("fresh16@0", "new connections, sixteen at a time", "/s", (many,)),
        Row("fresh16-p50@0", "… their latency, p50", "ms"),
        Row("fresh16-p99@0", "… p99", "ms"),
        Row("fresh-errors@0", "… failed, of all", "%"),
        Row("http-ms@20", "fresh HTTP request, 20 ms", "ms"),
        Row(
            "http-trips@20",
            "… in round trips",
            "trips",
            (Goal(1.2, "at most", unit=" trips"),),
        ),
    ]


def _cost() -> list[Row]:
    return [
        Row("cpu-down-laptop@0", "CPU a GB down: on the laptop", "s/GB"),
        Row("cpu-down-agent@0", "… in its Pod", "s/GB"),
        Row("cpu-down-all@0", "… whole chain, with API server, kubelet, containerd", "s/GB"),
        Row("cpu-up-laptop@0", "CPU a GB up: on the laptop", "s/GB"),
        Row("cpu-up-agent@0", "… in its Pod", "s/GB"),
        Row("cpu-up-all@0", "… whole chain, with API server, kubelet, containerd", "s/GB"),
        Row("rss-laptop@0", "memory on the laptop, idle", "MB"),
        Row("rss-agent@0", "memory of its Pod, idle", "MB", (Goal(30, "at most", unit=" MB"),)),
        Row("crowd-held@0", "connections held at once", "", (Goal(CROWD, "at least"),)),
        Row("crowd-seconds@0", "… opened in", "s"),
        Row("crowd-laptop@0", "… memory on the laptop then", "MB"),
        Row("crowd-agent@0", "… memory of its Pod then", "MB"),
        Row("crowd-laptop-each@0", "memory on the laptop, each open connection", "kB"),
        Row("crowd-agent-each@0", "… in its Pod", "kB"),
    ]


def _inbound() -> list[Row]:
    """From a caller in the cluster to the laptop; down is what the laptop sends."""
    thrice = (Goal(3.0, "at least", SSH),)
    none = (Goal(0.0, "at most", unit=" %"),)
    return [
        Row("in-down1@0", "callers: download from the laptop, one stream", "Gbit/s", thrice),
        Row("in-up1@0", "callers: upload to the laptop, one stream", "Gbit/s", thrice),
        Row("in-down8@0", "callers: download, eight streams", "Gbit/s", thrice),
        Row("in-up8@0", "callers: upload, eight streams", "Gbit/s", thrice),
        Row("in-ping50@0", "callers: request on an open connection, p50", "ms"),
        Row("in-ping99@0", "… p99", "ms"),
        Row("in-fresh@0", "callers: new connections, sixteen at a time", "/s"),
        Row("in-fresh-p50@0", "… their latency, p50", "ms"),
        Row("in-fresh-p99@0", "… p99", "ms"),
        Row("in-rate@0", "callers: new connections at 2,000/s, answered", "/s"),
        Row("in-rate-errors@0", "… failed, of all", "%", none),
    ]


def _rules() -> list[Row]:
    """A router's files for a thousand users; a ConfigMap holds 1 MiB."""
    second, one_map = Goal(1000, "at most", unit=" ms"), Goal(1024, "at most", unit=" KiB")
    return [
        Row("rules@0", "rules of a router, 1,000 users: made in", "ms", (second,)),
        Row("rules-size@0", "… their size", "KiB", (one_map,)),
    ]


def _mesh() -> list[Row]:
    """Callers of a Service, next to the same with a router of two users in between."""
    added, four, two = (Goal(0.5, "at most", unit=" ms"),), Goal(4.0, "at most", unit=" s"), 2.0
    return [
        Row("mesh-none-p50@0", "HTTP request on an open connection, nobody in between, p50", "ms"),
        Row("mesh-none-p99@0", "… p99", "ms"),
        Row("mesh-router-p50@0", "… through the router, p50", "ms"),
        Row("mesh-router-p99@0", "… p99", "ms"),
        Row("mesh-added@0", "… added by the router at p50", "ms", added),
        Row("mesh-none-down@0", "download from a Service, nobody in between", "Gbit/s"),
        Row("mesh-router-down@0", "… through the router", "Gbit/s"),
        Row("mesh-first@0", "mesh: from start to a marked request come through", "s", (four,)),
        Row("mesh-second@0", "… for a second user", "s", (Goal(two, "at most", unit=" s"),)),
        Row("mesh-agent@0", "… of which all that is made in the cluster, its agent last", "s"),
        Row("mesh-memory@0", "… memory of the router's Pod, two users", "MB"),
        Row("users-1@0", "memory of the router's Pod, one user", "MB"),
        Row("users-100@0", "… a hundred users", "MB"),
    ]


def _mirror() -> list[Row]:
    """Callers of a Service, next to the same with a mirror whose laptop hangs."""
    none = (Goal(0.0, "at most", unit=" %"),)
    return [
        Row("mirror-none-p50@0", "callers, 200 new connections/s, nobody in between, p50", "ms"),
        Row("mirror-none-p99@0", "… p99", "ms"),
        Row("mirror-hangs-p50@0", "… mirrored to a laptop that hangs, p50", "ms"),
        Row("mirror-hangs-p99@0", "… p99", "ms"),
        Row("mirror-hangs-errors@0", "… failed, of all", "%", none),
    ]


def rows() -> list[Row]:
    """The whole table."""
    start = Row("start@0", "from start to first byte", "s", (Goal(3.0, "at most", unit=" s"),))
    names = [
        Row("dns@0", "DNS lookups, all different", "/s"),
        Row("dns-same@0", "DNS lookups, the same twenty names", "/s"),
    ]
    moving = [row for delay in DELAYS for row in (*_throughput(delay), *_latency(delay))]
    return [
        *moving,
        *_fresh(),
        start,
        *_cost(),
        *names,
        *_inbound(),
        *_mesh(),
        *_mirror(),
        *_rules(),
    ]
