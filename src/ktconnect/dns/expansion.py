"""Which full names a short one may mean in the cluster, by its number of labels.

The table is that of KT Connect's own DNS server, so names that worked there work here, in the same
order of preference.
"""

from collections.abc import Sequence


def search_list(namespace: str, cluster_domain: str) -> tuple[str, str, str]:
    """What a Pod of ``namespace`` has as ``search`` in its resolv.conf."""
    return (f"{namespace}.svc.{cluster_domain}", f"svc.{cluster_domain}", cluster_domain)


def expand(name: str, search: Sequence[str], strip: Sequence[str] = ()) -> tuple[str, ...]:
    """The names to ask for in turn; ``search`` as in a Pod: own namespace, svc, domain.

    ``strip``: search suffixes of the laptop that its resolver may have put behind the name.
    """
    name = _stripped(name, strip)
    own, services, domain = search
    match name.count(".") + 1:
        case 1:
            return (f"{name}.{own}", name)
        case 2:
            return (f"{name}.{services}", f"{name}.{own}", name)
        case 3:
            return (name, f"{name}.{services}", f"{name}.{domain}")
        case 4:
            return (name, f"{name}.{domain}")
        case _:
            return (name,)


def _stripped(name: str, suffixes: Sequence[str]) -> str:
    for suffix in suffixes:
        if name.endswith(f".{suffix}"):
            return name.removesuffix(f".{suffix}")
    return name
