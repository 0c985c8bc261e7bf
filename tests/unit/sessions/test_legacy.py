from datetime import timedelta

import pytest
from tests.unit.sessions.left import (
    ALIVE,
    DEAD,
    KEPT,
    NOW,
    ROUTED,
    SHADOW,
    config_map,
    deployment,
    exchanged,
    meshed,
    pod,
    service,
    theirs,
)

from ktconnect.sessions.legacy import decide
from ktconnect.sessions.legacy_seen import KINDS, Seen

KEY = "v1/Service/demo/web#"


def seen(*objects, **more):
    by_kind = {
        kind: tuple(each for each in objects if f"{each['apiVersion']}/{each['kind']}" == kind)
        for kind in KINDS
    }
    return Seen("demo", NOW, timedelta(minutes=5), by_kind, **more)


def steps(findings):
    return {
        step.key.removeprefix(KEY): step.after for each in findings.repairs for step in each.steps
    }


def deletes(findings):
    return sorted(
        f"{gone.kind.rpartition('/')[2]}/{gone.name}"
        for each in findings.repairs
        for gone in each.deletes
    )


RESTORED = {"/spec/selector": {"app": "web"}, "/metadata/annotations/kt-selector": None}
EXCHANGE = ["ConfigMap/web-kt-exchange-abcde", "Pod/web-kt-exchange-abcde"]


def test_a_dead_exchange_is_undone_before_its_shadow_is_deleted():
    findings = decide(seen(*exchanged(DEAD)))
    assert steps(findings) == RESTORED
    assert deletes(findings) == EXCHANGE
    [repair] = findings.repairs
    assert repair.steps[0].before == SHADOW


def test_a_living_one_is_left_and_its_user_named():
    findings = decide(seen(*exchanged(ALIVE)))
    assert findings.repairs == ()
    assert findings.notes == ("Service web is taken with KT Connect by ann, who is alive",)


def test_it_may_miss_two_beats_whatever_the_threshold():
    found = Seen("demo", NOW, timedelta(minutes=1), seen(*exchanged(4)).objects)
    assert decide(found).repairs == ()


def test_a_longer_threshold_is_kept():
    found = Seen("demo", NOW, timedelta(hours=2), seen(*exchanged(DEAD)).objects)
    assert decide(found).repairs == ()


def test_what_someone_lives_on_can_be_taken_back_by_force():
    assert steps(decide(seen(*exchanged(ALIVE), force=True), "web")) == RESTORED


def test_a_service_whose_shadow_is_gone_already_is_restored():
    findings = decide(seen(exchanged(DEAD)[0]))
    assert steps(findings) == RESTORED
    assert deletes(findings) == []


def test_one_that_was_applied_anew_meanwhile_keeps_its_new_selector():
    findings = decide(seen(service(selector={"app": "v2"}, kept=KEPT), *exchanged(DEAD)[1:]))
    assert steps(findings) == {"/metadata/annotations/kt-selector": None}
    assert deletes(findings) == EXCHANGE


@pytest.mark.parametrize("kept", ["nonsense", "[]", "{}", '{"app": 3}'])
def test_a_note_that_can_not_be_read_is_left_to_a_person(kept):
    findings = decide(seen(*exchanged(DEAD, kept=kept)))
    assert findings.repairs == ()
    assert "look at it by hand" in findings.notes[0]


def test_who_may_not_see_pods_does_not_judge_who_lives():
    found = seen(*exchanged(DEAD))
    hidden = {kind: each for kind, each in found.objects.items() if kind != "v1/Pod"}
    findings = decide(Seen("demo", NOW, objects=hidden))
    assert [repair for repair in findings.repairs if repair.steps] == []
    assert "not known" in findings.notes[0]


ALL_OF_THE_MESH = [
    "ConfigMap/web-kt-mesh-v0",
    "Pod/web-kt-mesh-v0",
    "Pod/web-kt-router",
    "Service/web-kt-mesh-v0",
    "Service/web-kt-stuntman",
]


def test_a_router_without_living_users_is_taken_away():
    findings = decide(seen(*meshed(DEAD)))
    assert steps(findings) == RESTORED
    assert deletes(findings) == ALL_OF_THE_MESH


def test_a_router_stays_for_as_long_as_one_user_lives():
    findings = decide(seen(*meshed(DEAD, ALIVE)))
    assert steps(findings) == {}
    assert "by user1, who is alive" in findings.notes[0]
    assert "Pod/web-kt-router" not in deletes(findings)


def test_a_router_that_beats_is_somebodys():
    objects = meshed()
    objects[1]["metadata"]["annotations"]["kt-last-heart-beat"] = str(int(NOW.timestamp()))
    assert decide(seen(*objects)).repairs == ()


def test_a_lost_note_is_read_off_the_stuntman():
    objects = meshed(DEAD)
    objects[0] = service(selector=ROUTED)
    findings = decide(seen(*objects))
    assert steps(findings) == {"/spec/selector": {"app": "web"}}
    assert deletes(findings) == ALL_OF_THE_MESH


def test_a_selector_that_is_kept_nowhere_is_told():
    findings = decide(seen(service(selector=SHADOW)))
    assert findings.repairs == ()
    assert "apply its manifest anew" in findings.notes[0]
    living = decide(seen(service(selector=SHADOW), *exchanged(ALIVE)[1:]))
    assert "who is alive" in living.notes[0]


def test_a_stuntman_that_stands_for_nobody_is_deleted():
    stale = theirs("web-kt-stuntman", {"app": "web"})
    assert deletes(decide(seen(service(), stale))) == ["Service/web-kt-stuntman"]
    assert decide(seen(service(), stale, *meshed(ALIVE)[3:])).repairs == ()


def test_a_lock_is_respected_for_three_minutes():
    assert "being changed" in decide(seen(*exchanged(DEAD, locked=2))).notes[0]
    findings = decide(seen(*exchanged(DEAD, locked=4)))
    assert steps(findings) == {**RESTORED, "/metadata/annotations/kt-lock": None}
    assert steps(decide(seen(service(locked=4)))) == {"/metadata/annotations/kt-lock": None}
    assert decide(seen(service(locked=2))).repairs == ()


def scaled(replicas, beat=DEAD, config="app=web,replicas=3"):
    shadow = {"role": "shadow-exchange", "beat": beat}
    return seen(
        deployment("web", replicas),
        pod("web-kt-exchange-abcde", config=config, **shadow),
        config_map("web-kt-exchange-abcde", **shadow),
    )


SCALE = "apps/v1/Deployment/demo/web/scale#/spec/replicas"


def test_a_workload_that_was_scaled_away_comes_back():
    findings = decide(scaled(0))
    assert steps(findings) == {SCALE: 3}
    assert deletes(findings) == EXCHANGE
    assert decide(scaled(0, ALIVE)).repairs == ()


def test_one_that_somebody_scaled_meanwhile_is_left():
    findings = decide(scaled(1))
    assert steps(findings) == {}
    assert deletes(findings) == EXCHANGE
    assert steps(decide(scaled(0, config="app=web,replicas=x"))) == {}


def test_what_is_silent_and_serves_nobody_is_deleted():
    old = {"creationTimestamp": "2026-01-01T10:00:00Z"}
    new = {"creationTimestamp": "2026-01-01T11:59:30Z"}
    findings = decide(
        seen(
            pod("kt-connect-shadow-abcde", role="shadow-connect", beat=DEAD),
            pod("kt-connect-shadow-daemon", role="shadow-connect", beat=ALIVE),
            config_map("kt-connect-shadow-abcde", beat=DEAD),
            theirs("mine", {"kt-target": "x"}, beat=DEAD),
            pod("kt-rectifier-abcde", metadata=old),
            pod("kt-rectifier-fghij", metadata=new),
            pod("never-beat"),
        )
    )
    assert deletes(findings) == [
        "ConfigMap/kt-connect-shadow-abcde",
        "Pod/kt-connect-shadow-abcde",
        "Pod/kt-rectifier-abcde",
        "Service/mine",
    ]


def test_what_is_ours_or_a_controllers_is_not_judged_by_heart_beats():
    ours = {"labels": {"kt-session": "kt-connect-shadow-abcde"}}
    owned = {"ownerReferences": [{"kind": "ReplicaSet"}]}
    findings = decide(seen(pod("a", beat=DEAD, **ours), pod("b", beat=DEAD, metadata=owned)))
    assert findings.repairs == ()


def test_an_unrestorable_service_keeps_what_serves_it():
    shadow = pod("web-kt-exchange-abcde", role="shadow-exchange", beat=DEAD, config="service=web")
    findings = decide(seen(service(selector=SHADOW), shadow))
    assert deletes(findings) == []


def test_one_service_can_be_looked_at_alone():
    other = [*exchanged(DEAD), service("shop", SHADOW, kept=KEPT)]
    findings = decide(seen(*other), "web")
    assert {repair.what for repair in findings.repairs} == {"web"}
    manual = pod("web-kt-mesh-v1", role="shadow-mesh", beat=DEAD)
    shop = pod("shop-kt-mesh-v1", role="shadow-mesh", beat=DEAD)
    assert deletes(decide(seen(service(), manual, shop), "web")) == ["Pod/web-kt-mesh-v1"]
