import pytest

from ktconnect.errors import UsageError
from ktconnect.modes.forward.goal import Goal, Port, check_twice, parse_goals

DEPLOYMENT = "apps/v1/Deployment"


def goal(kind, name, *ports):
    return Goal(kind, name, tuple(Port(*port) for port in ports))


@pytest.mark.parametrize(
    ("args", "goals"),
    [
        ("web", [goal("v1/Service", "web")]),
        ("web 80", [goal("v1/Service", "web", ("80", "80"))]),
        ("web 8080:80", [goal("v1/Service", "web", ("8080:80", "80", 8080))]),
        ("web :http", [goal("v1/Service", "web", (":http", "http", 0))]),
        ("web 0:80", [goal("v1/Service", "web", ("0:80", "80", 0))]),
        ("svc/web http", [goal("v1/Service", "web", ("http", "http"))]),
        ("dns 5353:53/udp", [goal("v1/Service", "dns", ("5353:53/udp", "53", 5353, "udp"))]),
        ("pod/db-0 5432/TCP", [goal("v1/Pod", "db-0", ("5432/TCP", "5432", None, "tcp"))]),
        (
            "deploy/web 80 service/api 81 82",
            [
                goal(DEPLOYMENT, "web", ("80", "80")),
                goal("v1/Service", "api", ("81", "81"), ("82", "82")),
            ],
        ),
        ("db.corp:5432", [goal("host", "db.corp", ("db.corp:5432", "5432"))]),
        ("redis:6379", [goal("host", "redis", ("redis:6379", "6379"))]),
        ("15432:db:5432", [goal("host", "db", ("15432:db:5432", "5432", 15432))]),
        ("10.0.0.5 80", [goal("host", "10.0.0.5", ("80", "80"))]),
        ("[fd00::5]:80", [goal("host", "fd00::5", ("[fd00::5]:80", "80"))]),
        ("fd00::5 80", [goal("host", "fd00::5", ("80", "80"))]),
        ("db.corp 15432:5432", [goal("host", "db.corp", ("15432:5432", "5432", 15432))]),
        ("a:53/udp b:80", [
            goal("host", "a", ("a:53/udp", "53", None, "udp")), goal("host", "b", ("b:80", "80")),
        ]),
    ],
)  # fmt: skip
def test_targets_and_ports_are_read_from_left_to_right(args, goals):
    assert list(parse_goals(args.split())) == goals


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ("", "say what"),
        ("web 70000", "not a port"),
        ("web 0", "not a port"),
        ("web 70000:80", "not a port"),
        ("job/web 80", "job can't be forwarded"),
        ("db.corp", "which port"),
        ("db.corp http", "have no names"),
        ("web/ 80", "not a target"),
        ("web 8080:", "neither a target nor a port"),
        ("Web 80", "neither"),
    ],
)
def test_what_cannot_be_meant_is_refused(args, why):
    with pytest.raises(UsageError, match=why):
        parse_goals(args.split())


def test_targets_are_shown_as_they_are_named():
    assert [str(each) for each in parse_goals(["svc/web", "po/a", "db.corp:1"])] == [
        "service/web",
        "pod/a",
        "db.corp",
    ]


def test_a_local_port_can_be_wanted_once():
    check_twice([("tcp", 80), ("udp", 80), ("tcp", 0), ("tcp", 0)])
    with pytest.raises(UsageError, match="80/tcp is wanted twice"):
        check_twice([("tcp", 80), ("tcp", 80)])
