"""What the demo looks at from the laptop: commands as a person would type them."""

import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from places import HERE, NAMESPACE, Place

PYTHON = os.path.relpath(sys.executable)
GRPC = (
    "printf '\\0\\0\\0\\0\\2{}' | curl -sS -m 5 --http2-prior-knowledge --data-binary @-"
    " -H 'content-type: application/grpc' -H 'te: trailers'"
    " http://catalog:9000/shop.Catalog/List | tail -c +6"
)
PLAIN = "curl -sS -m 5 -X POST http://catalog:9000/shop.Catalog/List"
UDP = "exec 3<>/dev/udp/stock/7000; echo mug >&3; timeout 5 head -n1 <&3"
REDIS = r"exec 3<>/dev/tcp/redis-0.redis/6379; printf 'PING\r\n' >&3; timeout 5 head -n1 <&3"


@dataclass(frozen=True)
class Look:
    """A shell command; ``read`` tells what to show of its output, ValueError if that is wrong."""

    title: str
    command: str
    read: Callable[[str], str]


def all_looks(place: Place) -> list[Look]:
    [front] = place.objects("-n", NAMESPACE, "pods", "-l", "app=front")
    pod_ip = front["status"]["podIP"]
    [service] = place.objects("-n", NAMESPACE, "service", "front")
    srv = "_http._tcp.front.shop.svc.cluster.local"
    who = "curl -sS -m 5 http://{}/who"
    return [
        Look("a Pod by its IP", who.format(f"{_in_url(pod_ip)}:8080"), front_answered),
        Look("ping of that Pod", f"busybox ping -c 1 -W 3 {pod_ip}", pinged),
        Look(
            "a Service by its IP", who.format(_in_url(service["spec"]["clusterIP"])), front_answered
        ),
        Look("a short name", who.format("front"), front_answered),
        Look("name.namespace", who.format("front.shop"), front_answered),
        Look("a full name", who.format("front.shop.svc.cluster.local"), front_answered),
        Look(
            "an SRV record",
            f"{PYTHON} {os.path.relpath(HERE / 'lookup.py')} SRV {srv}",
            has("80 front.shop"),
        ),
        Look("UDP: how many mugs?", f"bash -c '{UDP}'", has("mug 12")),
        Look("a Pod of a StatefulSet", f'bash -c "{REDIS}"', has("+PONG")),
        Look(
            "gRPC" if place.has_grpc else "JSON",
            GRPC if place.has_grpc else PLAIN,
            catalog_answered,
        ),
        Look("a mug into the cart", "curl -sS -m 5 -X POST http://cart/anna/mug", has('"mug": ')),
        Look("the page", "curl -sS -m 5 http://front/", page_rendered),
    ]


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def has(text: str) -> Callable[[str], str]:
    def read(output: str) -> str:
        if text not in output:
            raise ValueError(f"{text!r} is not in the answer")
        return " ".join(output.split())

    return read


def front_answered(output: str) -> str:
    return _who(json.loads(output), "front")


def catalog_answered(output: str) -> str:
    answer = json.loads(output)
    names = ", ".join(product["name"] for product in answer["products"])
    return f"{names} ({answer['transport']}; {_who(answer, 'catalog')})"


def _who(answer: Any, service: str) -> str:
    if answer["service"] != service:
        raise ValueError(f"{answer['service']} answered, not {service}")
    return f"{answer['service']} {answer['version']}, Pod {answer['pod']}"


def pinged(output: str) -> str:
    found = re.search(r"time=([\d.]+ ms)", output)
    if not found:
        raise ValueError("no reply")
    return f"reply in {found[1]}"


def page_rendered(output: str) -> str:
    has("A small shop")(output)
    text = re.sub(r"<title>.*?</title>", "", output)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())
