import json
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console
from tests.unit.cli.test_birdseye import KUBECONFIG, api_server
from tests.unit.modes.explain.seeing import objects
from tests.unit.rules.explaining import facts, laptop, plain, share

from ktconnect.cli.explain import as_json, show
from ktconnect.cli.main import run
from ktconnect.modes.explain.live import Outcome, compared
from ktconnect.modes.explain.mode import Explained
from ktconnect.rules.explain import explain
from ktconnect.rules.explain_facts import Place
from ktconnect.rules.request import Request


@pytest.fixture
def kubeconfig(tmp_path):
    with api_server() as api:
        for each in objects():
            api.put(each)
        path = tmp_path / "config"
        path.write_text(KUBECONFIG.format(url=api.url))
        yield ["--kubeconfig", str(path), "-n", "shop"]


CI = Request(headers=(("version", "ci"),))


def shown(explained):
    out = StringIO()
    show(explained, Console(file=out, width=80))
    return out.getvalue()


def explained(facts, outcome=None):
    said = explain(CI, facts)
    return Explained("shop", "web", 80, said, compared(said, outcome) if outcome else None)


def test_a_person_reads_hops_and_reasons_and_a_program_an_object(kubeconfig, capsys):
    assert run(["explain", "web", *kubeconfig, "--header", "VERSION: CI"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("GET / [version: CI] to shop/web:80\n")
    assert "header VERSION is 'CI', the rule wants 'ci'" in out
    assert "Answered by the Pods of Service web" in out
    assert run(["explain", "web:http", *kubeconfig, "-o", "json", "-H", "version: ci"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["event"] == "explained"
    assert told["request"]["headers"] == [["version", "ci"]]
    assert [hop["at"] for hop in told["hops"]][:3] == ["caller", "port", "Service web"]


def test_what_a_request_says_is_no_emoji(kubeconfig, capsys):
    assert run(["explain", "web", *kubeconfig, "--path", "/:x:"]) == 0
    assert "GET /:x: to shop/web" in capsys.readouterr().out


def test_a_service_that_is_not_there_is_an_error(kubeconfig, capsys):
    assert run(["explain", "wob", *kubeconfig]) == 2
    assert "did you mean web" in capsys.readouterr().err
    assert run(["explain", "web", *kubeconfig, "--grpc", "a.B/C", "--live"]) == 2


def test_long_reasons_are_not_broken_into_lines():
    text = shown(explained(facts(share("ci", f"path:/{'x' * 200}"))))
    assert f"/{'x' * 200}'" in text


def test_copies_notes_and_who_nobody_is_are_said():
    copy = share("m", "path:/", kind="mirror", percent=5.0)
    text = shown(explained(facts(copy, dead=("m",), unseen=("no right to list x",))))
    assert "Copied: 5 % of such requests to ann@laptop, which nobody takes" in text
    assert "note: no right to list x" in text
    text = shown(explained(plain(service=Place("web", "shop"))))
    assert "Answered by nobody: Service web has no endpoints" in text


def test_what_did_happen_stands_below():
    outcome = Outcome("t", 200, "ci", (("x-kt-served-by", "ci"),), 0.0123)
    text = shown(explained(facts(share()), outcome))
    answered = "Answered by the laptop of ann@laptop (session kt-mesh-web-ci), last heard 40 s ago"
    assert f"{answered}\n" in text
    assert "Sent: status 200, led to ci, after 12.3 ms" in text
    assert "led as explained, to the laptop of ann@laptop (x-kt-served-by: ci); if" in text
    text = shown(explained(facts(share()), Outcome("t", failure="connection reset")))
    assert "Sent: connection reset" in text


def test_a_laptop_that_is_late_is_not_said_to_answer_for_sure():
    mine = share()
    late = replace(laptop(mine), late=True)
    text = shown(explained(facts(mine, laptops={mine.service: late})))
    assert "last heard 40 s ago, which is long: if it is away, the original Pods answer" in text
    alone = facts(mine, laptops={mine.service: late}, origin="nowhere")
    assert "if it is away, nobody answers" in shown(explained(alone))


def test_a_program_reads_it_too():
    told = json.loads(as_json(explained(facts(share()), Outcome("t", 200, "origin"))))
    assert told["live"]["asExplained"] is False
    assert told["answer"]["by"] == "laptop"
    assert told["answer"]["otherwise"] == "the original Pods"
    assert json.loads(as_json(explained(plain())))["live"] is None
