"""Istio's programs, and the texts that it is installed with: all made at build time.

A build's folder has ``bin/istio`` and, below ``share``: ``istio.json`` (what Istio's own library
renders from ``values.yaml``), ``gateway.json`` (the Gateway API's standard kinds, as its module
has them), ``envoy_bootstrap.json`` (what a sidecar's Envoy is started with).
"""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from playground.commands import run
from playground.folders import GO_SOURCES
from playground.gobuild import Programs

SOURCES = GO_SOURCES / "istio"
_VERSION = "istio.io/istio/pkg/version.buildVersion"


def version() -> str:
    """The version of the API that this Istio speaks: its own module has none but a date."""
    return ISTIO.version_of("istio.io/api")


def linker_flags() -> str:
    return f"-s -w -X {_VERSION}={version().removeprefix('v')}"


def write_texts(folder: Path) -> None:
    """Complete a build. Raises: PlaygroundError."""
    share = folder / "share"
    share.mkdir()
    values, out = SOURCES / "values.yaml", share / "istio.json"
    run([str(folder / "bin" / "istio"), "render", str(values), str(out)])
    gateway = ISTIO.folder_of("sigs.k8s.io/gateway-api") / "config" / "crd" / "standard"
    (share / "gateway.json").write_text(json.dumps(kinds_in(gateway)))
    bootstrap = "tools/packaging/common/envoy_bootstrap.json"
    source = ISTIO.folder_of("istio.io/istio") / bootstrap
    shutil.copyfile(source, share / "envoy_bootstrap.json")


def kinds_in(folder: Path) -> dict[str, Any]:
    """A List of the CustomResourceDefinitions in a folder's YAML files."""
    texts = (path.read_text() for path in sorted(folder.glob("*.yaml")))
    objects = (found for text in texts for found in yaml.safe_load_all(text) if found)
    kinds = [found for found in objects if found["kind"] == "CustomResourceDefinition"]
    return {"apiVersion": "v1", "kind": "List", "items": kinds}


ISTIO = Programs(
    title="Istio",
    sources=SOURCES,
    made=("bin/istio", "share/istio.json", "share/gateway.json", "share/envoy_bootstrap.json"),
    packages=1560,
    linker_flags=linker_flags,
    finish=write_texts,
    prefix="istio-",
)
