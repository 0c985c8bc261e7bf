"""Why something that all share had to be made or changed: by whom, as far as that can be told."""

from collections.abc import Callable, Iterator, Sequence

from ktconnect.objects.session import Manifest


class Remade:
    """Knows the ports that the Service had at the look before."""

    def __init__(self, where: str) -> None:
        """``where``: the Service, as people are told of it."""
        self._where = where
        self._ports: list[Manifest] | None = None

    def told(
        self, service: Manifest, made: Sequence[str], had: Callable[[str], bool], *, known: bool
    ) -> Iterator[str]:
        """Lines for a person. ``made`` is what was made or changed; ``had`` says whether one of
        them was there before; ``known``: a change of the Service is told already."""
        before, self._ports = self._ports, service["spec"].get("ports") or []
        changed = [what for what in made if had(what)]
        yield from (f"{what} is made again, as it should be" for what in made if not had(what))
        if changed and before not in (None, self._ports):
            ports = ", ".join(str(port["port"]) for port in self._ports)
            yield f"service {self._where} has other ports now ({ports}); changed with it: " + (
                ", ".join(changed)
            )
        elif not known:
            yield from (f"{what} was changed, and is as it should be again" for what in changed)
