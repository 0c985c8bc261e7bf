import json
import sys
from typing import Any

import pytest

from ktconnect.errors import UsageError
from ktconnect.kube.config import KubeConfig, Plugin
from ktconnect.kube.failures import Unauthorized
from ktconnect.kube.plugin import Credential, info, parse, run

CONFIG = KubeConfig("https://h", user="me", authority="PEM")
VERSION = "client.authentication.k8s.io/v1"


def script(code: str, **fields: Any) -> Plugin:
    return Plugin(sys.executable, ("-c", code), **{"interactive": "Never", **fields})


def answer(version: str = VERSION, **status: Any) -> str:
    return json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})


async def test_a_token_is_taken_with_its_end():
    text = answer(token="t", expirationTimestamp="2026-01-01T00:00:00Z")
    assert await run(script(f"print({text!r})"), CONFIG) == Credential("t", expires=1767225600.0)


async def test_a_certificate_is_taken_too():
    text = answer(clientCertificateData="c", clientKeyData="k")
    assert await run(script(f"print({text!r})"), CONFIG) == Credential("", "c", "k")


async def test_the_plugin_gets_its_environment_and_the_question():
    code = (
        "import os, json; i = json.loads(os.environ['KUBERNETES_EXEC_INFO']);"
        "print(json.dumps({'apiVersion': i['apiVersion'],"
        " 'status': {'token': os.environ['MORE'] + str(i['spec']['interactive'])}}))"
    )
    assert (await run(script(code, env=(("MORE", "x"),)), CONFIG)).token == "xFalse"


def test_the_cluster_is_told_only_if_wanted():
    assert "cluster" not in json.loads(info(script(""), CONFIG))["spec"]
    told = json.loads(info(script("", provide_cluster_info=True), CONFIG))["spec"]["cluster"]
    assert told == {"server": "https://h", "certificate-authority-data": "UEVN"}


async def test_a_missing_command_gives_its_install_hint():
    plugin = Plugin("/no/such/helper", install_hint="brew install helper", interactive="Never")
    with pytest.raises(UsageError, match="helper' of user 'me' can't be started") as caught:
        await run(plugin, CONFIG)
    assert caught.value.hint == "brew install helper"


async def test_a_plugin_that_fails_is_quoted():
    with pytest.raises(Unauthorized, match="ended with 3: log in first"):
        await run(
            script("import sys; sys.exit(print('log in first', file=sys.stderr) or 3)"), CONFIG
        )


async def test_a_plugin_that_must_ask_needs_a_terminal():
    assert not sys.stdin.isatty()
    with pytest.raises(UsageError, match="there is no terminal"):
        await run(script("", interactive="Always"), CONFIG)


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("no json", "did not print an ExecCredential"),
        ("{}", "did not print an ExecCredential"),
        (json.dumps({"apiVersion": VERSION, "status": None}), "did not print an ExecCredential"),
        (answer("client.authentication.k8s.io/v1beta1", token="t"), "answered with"),
        (answer(), "neither a token nor a certificate"),
        (answer(clientCertificateData="c"), "neither a token nor a certificate"),
        (answer(token="t", expirationTimestamp="soon"), "did not print an ExecCredential"),
    ],
)
def test_an_answer_that_is_no_credential_is_refused(output, why):
    with pytest.raises(Unauthorized, match=why):
        parse(Plugin("helper"), output.encode())


def test_a_credential_is_not_shown_by_repr():
    assert "geheim" not in repr(Credential("geheim", "geheim", "geheim"))
