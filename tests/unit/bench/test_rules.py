"""The plan that is measured is one that a router can serve."""

from bench import rows, rules

from ktconnect.rules.envoy import router_files


def test_every_user_has_a_route_and_every_value_a_row():
    files = router_files(rules.crowded(3))
    assert all(f"web-kt-mesh-user{n}|80" in files["rds-80.json"] for n in range(3))
    [measure] = rules.measures()
    found = measure.take(None, None)  # type: ignore[arg-type]  # it asks nobody
    keys = {row.key for row in rows.rows()}
    assert {f"{key}@0" for key in found} <= keys
    assert found["rules-size"] < 1024
