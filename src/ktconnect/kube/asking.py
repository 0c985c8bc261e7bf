"""What a verb on a kind asks for: the URL path, and the words of RBAC for errors. Pure."""

from dataclasses import replace

from .failures import Asked
from .paths import Kind, Manifest, kind_of, resource_of

Place = tuple[str, Asked]


def at(verb: str, kind: Kind, namespace: str = "", name: str = "", subresource: str = "") -> Place:
    """URL path of an object or collection, and what is asked of it."""
    resource = resource_of(kind)
    plural = f"{resource.plural}/{subresource}" if subresource else resource.plural
    asked = Asked(verb, plural, resource.group, namespace, name)
    return resource.path(namespace, name, subresource), asked


def at_new(manifest: Manifest) -> Place:
    """Where a manifest is posted: the collection's path, but the object's name in errors."""
    metadata = manifest["metadata"]
    path, asked = at("create", kind_of(manifest), metadata.get("namespace", ""))
    return path, replace(asked, name=metadata.get("name", ""))


def at_own(verb: str, manifest: Manifest) -> Place:
    metadata = manifest["metadata"]
    return at(verb, kind_of(manifest), metadata.get("namespace", ""), metadata["name"])


def selectors(labels: str, fields: str) -> dict[str, str]:
    """The query for selectors as kubectl takes them."""
    both = {"labelSelector": labels, "fieldSelector": fields}
    return {name: value for name, value in both.items() if value}


def typed(item: Manifest, page: Manifest) -> Manifest:
    """Items of a list lack their own apiVersion and kind; give them back."""
    kind = str(page["kind"]).removesuffix("List")
    return {"apiVersion": page["apiVersion"], "kind": kind, **item}
