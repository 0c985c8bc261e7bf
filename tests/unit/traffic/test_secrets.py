from ktconnect.traffic.secrets import is_masked, masked


def test_the_values_of_secrets_are_masked_and_what_they_are_is_kept():
    headers = (
        ("Authorization", "Bearer abc.def"),
        ("Proxy-Authorization", "token"),
        ("Cookie", "user=ann; sid=42"),
        ("Set-Cookie", "sid=42; Path=/; HttpOnly"),
        ("Accept", "*/*"),
    )
    assert masked(headers) == (
        ("Authorization", "Bearer (not recorded)"),
        ("Proxy-Authorization", "(not recorded)"),
        ("Cookie", "user=(not recorded); sid=(not recorded)"),
        ("Set-Cookie", "sid=(not recorded); Path=/; HttpOnly"),
        ("Accept", "*/*"),
    )
    assert is_masked("Bearer (not recorded)")
    assert not is_masked("Bearer abc")
