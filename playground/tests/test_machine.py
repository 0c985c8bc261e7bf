"""Machine specs."""

from playground.machine import Machine, Mount, Unit


def test_a_machine_survives_being_written_and_read() -> None:
    machine = Machine(
        "m",
        "/folder",
        "/log",
        mounts=[Mount("bind", "/to", "/from")],
        files={"/etc/x": "text"},
        covers={"/proc/sys/x": "/etc/x"},
        owners={"/etc/x": 5},
        units=[Unit("u", ["true"], needs=["/a"], creates="/b")],
        cgroups=["/c"],
        own_processes=False,
    )
    assert Machine.from_json(machine.to_json()) == machine
