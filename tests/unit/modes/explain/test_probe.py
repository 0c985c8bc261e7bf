from tests.unit.modes.explain.seeing import shared, spec

from ktconnect.modes.explain.probe import probe_shadow
from ktconnect.objects.session import LEASE


async def test_the_agent_has_a_lease_of_its_own_and_listens_for_nobody_else():
    async with shared() as (api, cluster, _):
        shadow = probe_shadow(spec(), cluster, "shop")
        await shadow.lease.create()
        await shadow.create()
        lease = api.objects[LEASE, "shop", shadow.name]
        deployment = api.objects["apps/v1/Deployment", "shop", shadow.name]
        await shadow.delete()
        left = [name for _, _, name in api.objects if name.startswith("kt-explain")]
    assert lease["metadata"]["labels"]["kt-role"] == "shadow-explain"
    [owner] = deployment["metadata"]["ownerReferences"]
    assert owner["uid"] == lease["metadata"]["uid"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert "--listen" not in container["args"]
    assert left == []
