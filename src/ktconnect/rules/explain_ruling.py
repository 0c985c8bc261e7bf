"""What a rule of a service mesh decides about one request: the form for all kinds of rules."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Leads:
    """A Service that a rule leads to; ``subset``: some of its Pods alone (Istio)."""

    name: str
    namespace: str
    weight: int = 1
    subset: str = ""
    port: int = 0

    def __str__(self) -> str:
        return f"Service {self.name}" + (f", subset {self.subset}" if self.subset else "")


@dataclass(frozen=True, slots=True)
class Copied:
    """A Service that gets copies of so many percent."""

    name: str
    namespace: str
    percent: float = 100.0


@dataclass(frozen=True, slots=True)
class Ruling:
    """``rule`` names the one that decides. ``ends``: it answers by itself, and how.

    ``why``: rules that come before it and do not match, rules that match and come later.
    """

    rule: str
    leads: tuple[Leads, ...] = ()
    copies: tuple[Copied, ...] = ()
    ends: str = ""
    why: tuple[str, ...] = ()

    @property
    def main(self) -> Leads | None:
        """The heaviest of those that it leads to; the first of equals. None: to nobody."""
        heavy = [each for each in self.leads if each.weight > 0]
        return max(heavy, key=lambda each: each.weight, default=None)

    @property
    def split(self) -> str:
        """``80 % to Service web, 20 % to Service next``; "" if all goes one way."""
        whole = sum(each.weight for each in self.leads)
        parts = [each for each in self.leads if each.weight > 0]
        if len(parts) < 2:
            return ""
        return ", ".join(f"{100 * each.weight / whole:.3g} % to {each}" for each in parts)
