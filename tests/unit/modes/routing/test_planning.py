from ktconnect.modes.routing.planning import random_letters


def test_marks_that_nobody_named_differ():
    assert len({random_letters() for _ in range(10)}) > 1
    assert all(len(random_letters()) == 5 for _ in range(3))
