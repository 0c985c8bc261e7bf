from ktconnect.modes.silence import GAP, HUNG, Silence


def after(*moments, uid="a"):
    """What is known after failures at these times."""
    silence = None
    for now in moments:
        silence = Silence.goes_on(uid, now, silence)
    return silence


def test_a_silence_lasts_from_the_first_failure_to_the_last():
    assert after(0.0).seconds == 0
    assert after(0.0, HUNG / 2).seconds < HUNG
    assert after(0.0, HUNG / 2, HUNG).seconds == HUNG


def test_a_pause_without_failures_begins_anew():
    assert after(0.0, GAP + 1, HUNG + 2).seconds < HUNG


def test_another_pod_begins_anew():
    silence = Silence.goes_on("b", HUNG, after(0.0, HUNG / 2))
    assert silence == Silence("b", HUNG, HUNG)
