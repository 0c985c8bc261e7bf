from ktconnect.rules.explain_ruling import Leads, Ruling


def test_the_heaviest_is_followed_and_the_split_is_told():
    ruling = Ruling("r", (Leads("web", "shop", 20), Leads("next", "shop", 80, "v2")))
    assert ruling.main == Leads("next", "shop", 80, "v2")
    assert ruling.split == "20 % to Service web, 80 % to Service next, subset v2"


def test_one_way_is_no_split_and_none_leads_nowhere():
    assert Ruling("r", (Leads("web", "shop"), Leads("off", "shop", 0))).split == ""
    assert Ruling("r").main is None
