import json

import pytest

from ktconnect.errors import Conflict, Forbidden, Refused, Unreachable
from ktconnect.kube.failures import (
    AlreadyExists,
    Asked,
    Expired,
    NotFound,
    PatchRejected,
    TooMany,
    Unauthorized,
    failure,
    parsed,
)

POD = Asked("get", "pods", "", "demo", "web")


def answer(code, message="", reason="", name="", asked=POD, **more):
    status = {"message": message, "reason": reason, "details": {"name": name} if name else {}}
    return failure(code, json.dumps(status).encode(), asked, **more)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, Refused),
        (401, Unauthorized),
        (404, NotFound),
        (409, Conflict),
        (410, Expired),
        (422, Refused),
        (429, TooMany),
        (500, Unreachable),
        (503, Unreachable),
    ],
)
def test_each_status_has_its_error(code, kind):
    assert type(answer(code, "why")) is kind


def test_expired_credentials_come_with_what_to_do():
    error = answer(401)
    assert "credentials expired or not accepted" in str(error)
    assert "log in" in error.hint


def test_a_missing_right_names_verb_resource_and_namespace():
    message = 'pods is forbidden: User "jane" cannot list resource "pods" in API group ""'
    error = answer(403, message, asked=Asked("list", "pods", "", "demo"))
    assert isinstance(error, Forbidden)
    assert str(error) == "no right to list pods in namespace demo (user jane)"
    assert "list pods in namespace demo" in error.hint


def test_a_missing_right_on_the_whole_cluster_says_so_and_names_the_group():
    message = "x cannot list resource y"
    error = answer(403, message, asked=Asked("list", "servicecidrs", "networking.k8s.io"))
    assert str(error) == "no right to list servicecidrs.networking.k8s.io in the whole cluster"


@pytest.mark.parametrize("message", ["exceeded quota: q", 'violates PodSecurity "restricted"'])
def test_quota_and_admission_are_no_missing_right(message):
    error = answer(403, message)
    assert type(error) is Refused
    assert message in str(error)


def test_an_object_that_is_not_there_is_told_from_a_kind_that_is_not_served():
    assert str(answer(404, "m", name="web")) == "pods/web in namespace demo: does not exist"
    assert str(answer(404, 'namespaces "demo" not found', name="demo")).endswith("not found")
    crd = Asked("list", "httproutes", "gateway.networking.k8s.io")
    served = failure(404, b"404 page not found", crd)
    assert str(served) == "this cluster does not serve httproutes.gateway.networking.k8s.io"


def test_an_object_that_exists_already_is_a_conflict_of_its_own():
    assert isinstance(answer(409, "m", "AlreadyExists"), AlreadyExists)


def test_a_patch_that_does_not_fit_is_told_from_a_bad_value():
    message = "the server rejected our request due to an error in our request"
    assert isinstance(answer(422, message), PatchRejected)


@pytest.mark.parametrize(("header", "seconds"), [("3", 3.0), ("", 1.0), ("Sat, 1 Jan", 1.0)])
def test_a_busy_server_says_when_to_come_back(header, seconds):
    error = answer(429, retry_after=header)
    assert isinstance(error, TooMany)
    assert error.after == seconds


def test_plain_text_is_taken_as_the_message():
    assert "oh no" in str(failure(500, b"oh no", POD))
    assert "HTTP status 502" in str(failure(502, b"{}", POD))


def test_a_subresource_belongs_to_its_object():
    asked = Asked("get", "pods/log", "", "demo", "web")
    assert str(asked) == "pods/web in namespace demo"
    assert asked.right == "get pods/log in namespace demo"
    assert str(Asked("list", "nodes")) == "nodes"


@pytest.mark.parametrize("body", [b"<html>log in</html>", b"", b"[]", '{"type": "ADD'])
def test_what_is_no_object_is_not_of_the_api_server(body):
    with pytest.raises(Unreachable, match="API server's place"):
        parsed(body)
