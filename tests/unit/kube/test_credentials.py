import pytest

from ktconnect.errors import UsageError
from ktconnect.kube.config import KubeConfig, Login, Plugin
from ktconnect.kube.credentials import Credentials
from ktconnect.kube.plugin import Credential


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def credentials(login: Login, *handed: Credential, clock: Clock | None = None) -> Credentials:
    answers = iter(handed)

    async def run(plugin: Plugin, config: KubeConfig) -> Credential:
        return next(answers)

    return Credentials(KubeConfig("https://h", login=login), run=run, now=clock or Clock())


@pytest.mark.parametrize(
    ("login", "headers"),
    [
        (Login(), []),
        (Login(token="t"), [("Authorization", "Bearer t")]),
        (Login(username="u", password="p"), [("Authorization", "Basic dTpw")]),
        (
            Login(token="t", impersonate="boss", impersonate_groups=("a", "b")),
            [
                ("Authorization", "Bearer t"),
                ("Impersonate-User", "boss"),
                ("Impersonate-Group", "a"),
                ("Impersonate-Group", "b"),
            ],
        ),
    ],
)
async def test_each_login_has_its_headers(login, headers):
    assert await credentials(login).headers() == headers


async def test_a_token_file_is_read_again_as_it_is_rotated(tmp_path):
    path, clock = tmp_path / "token", Clock()
    path.write_text("one\n")
    login = credentials(Login(token="old", token_file=path), clock=clock)
    assert await login.headers() == [("Authorization", "Bearer one")]
    path.write_text("two")
    assert await login.headers() == [("Authorization", "Bearer one")]
    clock.now += 61
    assert await login.headers() == [("Authorization", "Bearer two")]


async def test_a_token_file_that_is_gone_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"token file .*nope .* can't be read"):
        await credentials(Login(token_file=tmp_path / "nope")).headers()


async def test_a_plugin_is_run_again_when_its_credential_ends():
    clock = Clock()
    login = credentials(
        Login(plugin=Plugin("helper")),
        Credential(token="a", expires=1100),
        Credential(token="b"),
        clock=clock,
    )
    assert await login.headers() == [("Authorization", "Bearer a")]
    clock.now = 1089
    assert await login.headers() == [("Authorization", "Bearer a")]
    clock.now = 1091
    assert await login.headers() == [("Authorization", "Bearer b")]
    clock.now = 1e9
    assert await login.headers() == [("Authorization", "Bearer b")]


async def test_a_plugin_may_hand_out_a_certificate():
    login = credentials(
        Login(plugin=Plugin("helper")), Credential(certificate="c", key="k"), Credential()
    )
    assert await login.certificate() == ("c", "k")
    assert await login.headers() == []


async def test_the_certificate_of_the_kubeconfig_needs_no_plugin():
    login = credentials(Login(certificate="c", key="k", plugin=Plugin("helper")))
    assert await login.certificate() == ("c", "k")
    assert await credentials(Login(token="t")).certificate() == ("", "")


async def test_forgetting_says_whether_there_was_something_to_forget():
    login = credentials(Login(plugin=Plugin("helper")), Credential(token="a"), Credential())
    assert not login.forget()
    await login.headers()
    assert login.forget()
    assert await login.headers() == []
