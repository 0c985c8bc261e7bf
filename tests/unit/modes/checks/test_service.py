import pytest

from ktconnect.modes.checks.seen import Seen
from ktconnect.modes.checks.service import check_ruled, check_service, ready_endpoints


def service(name="web", annotations=None, labels=None, owners=(), **spec):
    metadata = {"name": name, "namespace": "demo", "labels": labels or {}}
    metadata |= {"annotations": annotations or {}, "ownerReferences": list(owners)}
    usual = {"clusterIP": "10.96.0.7", "selector": {"app": "web"}, "ports": [{"port": 80}]}
    return {"kind": "Service", "metadata": metadata, "spec": {**usual, **spec}}


def pod(name="web-0", annotations=None, spec=None, **labels):
    metadata = {"name": name, "labels": labels or {"app": "web"}, "annotations": annotations or {}}
    return {"kind": "Pod", "metadata": metadata, "spec": spec or {}}


def slices(*ready, **more):
    return [{"endpoints": [{"conditions": {"ready": each}, **more} for each in ready]}]


def findings(of, **around):
    return check_service(Seen(of, **({"slices": slices(True), "pods": [pod()]} | around)))


def only(of, **around):
    [finding] = findings(of, **around)
    return finding


def test_an_ordinary_service_has_no_findings():
    assert findings(service(), services=[service()]) == ()


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"selector": None}, "has no selector"),
        ({"selector": {}}, "has no selector"),
        ({"type": "ExternalName", "externalName": "db.corp"}, "is only another name for db.corp"),
        ({"ports": None}, "names no ports"),
        ({"ports": [{"port": 80}, {"port": 9, "protocol": "SCTP"}]}, "port 9 of Service web is SC"),
        ({"internalTrafficPolicy": "Local"}, "only callers on the agent's node would reach it"),
    ],
)
def test_what_can_not_be_taken_is_refused_with_the_reason(spec, says):
    finding = only(service(**spec))
    assert finding.level == "refuse"
    assert says in finding.message
    assert finding.hint


@pytest.mark.parametrize(
    ("spec", "level", "says"),
    [
        ({"externalTrafficPolicy": "Local"}, "warn", "from outside the cluster"),
        ({"clusterIP": "None"}, "warn", "callers that know a Pod's address keep calling it"),
        ({"publishNotReadyAddresses": True}, "note", "publishes Pods that are not ready"),
        ({"sessionAffinity": "ClientIP"}, "note", "sessionAffinity"),
    ],
)
def test_what_is_worth_knowing_is_told(spec, level, says):
    finding = only(service(**spec))
    assert finding.level == level
    assert says in finding.message


NAMED = {"hostname": "web-0", "subdomain": "web"}


@pytest.mark.parametrize(
    "around",
    [
        {"slices": slices(True, hostname="web-0")},
        {"pods": [pod(spec=NAMED)], "slices": None},
    ],
)
def test_names_of_pods_would_vanish_with_a_headless_service(around):
    finding = only(service(clusterIP="None"), **around)
    assert finding.level == "refuse"
    assert finding.message.startswith("web-0.web would vanish")
    assert "with a cluster IP" in finding.hint


def test_another_service_of_the_same_pods_is_offered_instead():
    found = findings(
        service(clusterIP="None"),
        slices=[{"endpoints": [{"hostname": "web-0"}, {"hostname": "web-1"}]}],
        services=[service("lb"), service("more", clusterIP="None")],
    )
    assert found[0].message.startswith("web-0.web and others would vanish")
    assert found[0].hint == "exchange service/lb, which leads to the same Pods"


def test_a_hostname_below_another_service_is_none_of_this_ones():
    assert only(service(clusterIP="None"), pods=[pod(spec={**NAMED, "subdomain": "db"})]).level == (
        "warn"
    )


def test_services_on_the_same_pods_are_all_named():
    around = [
        service(),
        service("api"),
        service("admin"),
        service("other", selector={"app": "other"}),
        service("web-kt-origin"),
        service("web-kt-stuntman"),
        service("old", labels={"kt-role": "shadow-mesh"}),
    ]
    finding = only(service(), services=around)
    assert finding.level == "note"
    assert finding.message.startswith("callers of admin, api still get the original Pods")


@pytest.mark.parametrize("endpoints", [[], slices(), slices(False, False)])
def test_without_a_ready_pod_there_is_nobody_to_fail_over_to(endpoints):
    finding = only(service(), slices=endpoints)
    assert finding.level == "warn"
    assert "nobody answers while this machine is away" in finding.message


def test_endpoints_that_may_not_be_looked_at_are_left_out():
    assert findings(service(), slices=None) == ()


def test_an_endpoint_without_the_condition_counts_as_ready():
    assert ready_endpoints([{"endpoints": [{}, {"conditions": {"ready": False}}]}, {}]) == 1


def test_kt_connects_session_is_named_with_its_user():
    taken = service(annotations={"kt-selector": '{"app":"web"}'}, selector={"kt-target": "abc"})
    shadow = pod(annotations={"kt-user": "bob"}, **{"kt-target": "abc"})
    finding = only(taken, pods=[shadow, pod()])
    assert finding.level == "refuse"
    assert "taken with KT Connect by bob" in finding.message
    assert "`ktctl recover web`" in finding.hint
    assert "with KT Connect:" in only(taken, pods=[]).message


def test_a_selector_that_leads_to_a_session_is_given_back_first():
    finding = only(service(selector={"app": "web-kt-exchange-abcde"}), slices=[])
    assert finding.level == "refuse"
    assert "leads to an agent, web-kt-exchange-abcde" in finding.message
    routed = only(service(selector={"app": "web-kt-router"}), slices=[])
    assert "leads to a router, web-kt-router" in routed.message
    assert "`ktctl recover web`" in finding.hint


@pytest.mark.parametrize(
    ("marks", "tool"),
    [
        ({"labels": {"argocd.argoproj.io/instance": "shop"}}, "Argo CD"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "x"}}, "Argo CD"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "x"}}, "Flux"),
        ({"annotations": {"meta.helm.sh/release-name": "x"}}, "Helm"),
        (
            {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}},
            "kubectl apply",
        ),
        ({"owners": [{"kind": "Kafka", "name": "bus"}]}, "Kafka bus"),
    ],
)
def test_whoever_manages_the_service_is_named(marks, tool):
    finding = only(service(**marks))
    assert finding.level == "note"
    assert f"is managed by {tool}:" in finding.message


def test_where_rules_lead_requests_the_selector_does_not_matter():
    local = service(internalTrafficPolicy="Local", ports=[])
    assert check_ruled(Seen(local, slices=slices(True), pods=[pod()])) == ()
    [finding] = check_ruled(Seen(service(), slices=slices(False)))
    assert "no Pod of Service web is ready" in finding.message
    [finding] = check_ruled(Seen(service(selector=None)))
    assert "has no selector" in finding.message


def test_a_preview_is_not_managed_by_its_own_session():
    assert findings(service(owners=[{"kind": "Lease", "name": "kt-preview-web"}])) == ()
