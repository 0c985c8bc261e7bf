from ktconnect.tunnel.turns import QUICK_TURNS, Turns


class Source:
    def __init__(self, name: str, chunks: int, order: list[str], *, bulky: bool) -> None:
        self.name = name
        self.chunks = chunks
        self.order = order
        self.bulky = bulky

    def pump(self) -> bool:
        self.chunks -= 1
        self.order.append(self.name)
        return self.chunks > 0


def test_those_with_little_go_first_but_not_for_ever_and_all_of_a_kind_in_rotation():
    turns, order = Turns(), list[str]()
    turns.add(Source("bulk", 2, order, bulky=True))
    turns.add(Source("a", QUICK_TURNS, order, bulky=False))
    turns.add(Source("b", 2, order, bulky=False))
    while turns:
        turns.take()
    assert order == ["a", "b"] * 2 + ["a"] * (QUICK_TURNS - 4) + ["bulk"] + ["a"] * 2 + ["bulk"]


def test_those_who_are_forgotten_get_no_turn():
    turns = Turns()
    turns.add(Source("a", 1, [], bulky=False))
    assert turns
    turns.clear()
    assert not turns
