import pytest

from ktconnect.cli.spelling import modernise, normalise

SWITCHES = frozenset({"--shareshadow", "--debug"})


@pytest.mark.parametrize("spelling", ["--dnsMode", "--dns-mode", "--dnsmode", "--DNS_MODE"])
def test_flag_names_are_the_same_in_any_spelling(spelling):
    assert normalise(spelling) == "--dnsmode"


def test_short_flags_keep_their_case():
    assert normalise("-n") == "-n"
    assert normalise("-D") == "-D"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (["--label", "a=b"], ["--withLabel", "a=b"]),
        (["--waitTime=20"], ["--portForwardTimeout=20"]),
        (["connect", "--cidr", "10.0.0.0/8"], ["connect", "--includeIps", "10.0.0.0/8"]),
        (["--method", "socks5"], ["--disableTunDevice"]),
        (["--method=vpn"], []),
        (["--method", "magic"], ["--mode", "magic"]),
        (["--method", "switch"], ["--mode", "selector"]),
        (["--mode", "Switch"], ["--mode", "selector"]),
        (["--mode=switch"], ["--mode", "selector"]),
        (["--mode", "scale"], ["--mode", "scale"]),
        (["--disableDNS=false"], []),
        (["--disableDNS"], ["--dnsMode", "none"]),
        (["--dump2hosts"], ["--dnsMode", "hosts"]),
        (["--dump2hosts=a,b"], ["--dnsMode", "hosts:a,b"]),
        (["--dump2hostsNS", "a,b"], ["--dnsMode", "hosts:a,b"]),
        (["--shareShadow=true"], ["--shareShadow"]),
        (["--shareShadow=false", "-d"], ["-d"]),
        (["--sshPort", "2222", "-d"], ["-d"]),
        (["--sshPort=2222", "-d"], ["-d"]),
        (["--useKubectl", "-d"], ["-d"]),
        (["-e", "--insecure", "connect"], ["connect"]),
    ],
)
def test_old_spellings_keep_their_meaning(old, new):
    assert list(modernise(old, SWITCHES).args) == new


def test_the_user_is_told_about_renamed_flags_and_flags_without_effect():
    notes = modernise(["--label", "a=b", "--sshPort", "2222"], SWITCHES).notes
    assert notes == (
        "--label is spelled --withLabel today",
        "--sshPort has no effect: there is no SSH any more",
    )


def test_todays_spelling_passes_untouched_and_without_notes():
    args = ["-n", "demo", "connect", "--dnsMode=hosts:a", "--debug", "--", "--label"]
    modern = modernise(args, SWITCHES)
    assert list(modern.args) == args
    assert modern.notes == ()
