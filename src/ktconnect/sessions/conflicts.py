"""Which sessions keep another one from a Service: its callers have one who decides. Pure."""

from collections.abc import Collection, Iterable
from typing import Final

from ktconnect.objects.session import Record

from .holders import is_shared

SHARING: Final = ("mesh", "mirror")
"""Modes of which there may be many at one Service."""

SELECTOR: Final = "selector"
"""The driver of a mirror of bytes: its callers are led as those of an exchange are."""


def in_the_way(
    records: Iterable[Record], mode: str, service: str, agents: Collection[str] = ()
) -> list[Record]:
    """Those of these sessions of one namespace that must end before ``mode`` may take the Service.

    Whoever takes all of its callers (exchange) and those who share them exclude each other; and
    nobody gets the callers of Pods that one has replaced by an agent of its own (``--mode scale``).
    ``agents`` are those among the Service's Pods.
    """
    return [each for each in records if _is_in_the_way(each, mode, service, agents)]


def met_by(own: Record, service: str, records: Iterable[Record]) -> list[Record]:
    """Those of these sessions that have been announced at the same moment as ``own``, for the
    callers of the same Service."""
    if own.mode != "exchange" and own.mode not in SHARING:
        return []
    mode = "exchange" if _takes_all(own) else own.mode
    others = (each for each in records if each.uid != own.uid)
    return [each for each in in_the_way(others, mode, service) if not is_shared(each)]


def _is_in_the_way(record: Record, mode: str, service: str, agents: Collection[str]) -> bool:
    shares = is_shared(record) or (record.mode in SHARING and not _takes_all(record))
    if record.target == f"service/{service}" and (shares or _takes_all(record)):
        return shares != (mode in SHARING)
    replaced = record.mode == "exchange" and not record.target.startswith("service/")
    return replaced and record.config.get("agent") in agents


def _takes_all(record: Record) -> bool:
    return record.mode == "exchange" or record.config.get("driver") == SELECTOR
