from tests.unit.modes.inbound import in_shop
from tests.unit.modes.routing.sharing import sharer


async def test_a_place_is_called_by_its_service():
    async with in_shop() as (api, cluster, _):
        assert (await sharer(api, cluster)).seat.where == "shop/web"
