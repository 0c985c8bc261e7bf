"""What a mode wants of its agent, and what its objects are called."""

import secrets
import string
from dataclasses import dataclass

from ktconnect.objects.agent import AgentPod, config_map, deployment
from ktconnect.objects.session import Manifest, Session
from ktconnect.wire.spec import AgentSpec

from .bundle import agent_bundle


def new_name(prefix: str) -> str:
    """``prefix`` and five random letters, as KT Connect names its objects."""
    return f"{prefix}-{''.join(secrets.choice(string.ascii_lowercase) for _ in range(5))}"


@dataclass(frozen=True, slots=True)
class AgentPlan:
    """What a mode wants of its agent.

    ``session`` names its objects and labels them; ``pod`` is how its Pod looks, ``spec`` are its
    orders, ``token`` is what lets a laptop in.
    """

    session: Session
    pod: AgentPod
    spec: AgentSpec
    token: str

    def config_map(self, owner: Manifest) -> Manifest:
        """The manifest of its program."""
        return config_map(self.session, agent_bundle(), [owner], inbound=self.pod.is_inbound)

    def deployment(self, owner: Manifest) -> Manifest:
        """The manifest of what runs it."""
        return deployment(self.session, self.pod.with_args(self.spec.to_argv()), [owner])
