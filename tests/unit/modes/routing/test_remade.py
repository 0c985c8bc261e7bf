from ktconnect.modes.routing.remade import Remade


def service(*ports):
    return {"spec": {"ports": [{"port": port} for port in ports]}}


def told(remade, service, *made, gone=(), known=False):
    return list(remade.told(service, made, lambda what: what not in gone, known=known))


def test_what_was_deleted_is_made_again():
    found = told(Remade("shop/web"), service(80), "ConfigMap r", gone=("ConfigMap r",))
    assert found == ["ConfigMap r is made again, as it should be"]


def test_what_was_edited_is_told_as_that():
    found = told(Remade("shop/web"), service(80), "Deployment r")
    assert found == ["Deployment r was changed, and is as it should be again"]


def test_a_change_of_ports_is_the_users_own():
    remade = Remade("shop/web")
    assert told(remade, service(80)) == []
    found = told(remade, service(80, 81), "web-kt-origin", "Deployment r")
    assert found == [
        "service shop/web has other ports now (80, 81); changed with it: "
        "web-kt-origin, Deployment r"
    ]
    assert told(remade, service(80, 81)) == []


def test_what_follows_a_service_that_was_applied_anew_is_told_already():
    assert told(Remade("shop/web"), service(80), "web-kt-origin", known=True) == []
