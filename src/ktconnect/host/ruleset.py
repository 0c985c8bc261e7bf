"""HostPlan -> nftables text. Pure.

What is routed to our TUN is what is captured: the routes are the one list of networks, and the
rules ask the kernel where it routes a packet. So they never change while connected, they can't
disagree with the routes, and a route the user adds on the device works too.
The table has an owner (Linux 5.12): it goes with the process that made it, however that ends,
and nobody else can change or flush it.
"""

from .plan import HostPlan


def nft_ruleset(plan: HostPlan) -> str:
    """The table of one session: TCP to the cluster ends at our listeners.

    Every statement ends with a semicolon, so that line breaks don't matter.
    """
    chains = [_chain("output", f'oifname "{plan.tun}"', plan)]
    if plan.forwarded:
        chains.append(_chain("prerouting", f'fib daddr oifname "{plan.tun}"', plan))
    return f"table inet {plan.table} {{\n  flags owner;\n{''.join(chains)}}};\n"


def _chain(hook: str, match: str, plan: HostPlan) -> str:
    v4, v6 = plan.redirect_ports
    rules = "".join(
        f"    {match} meta nfproto {family} meta l4proto tcp redirect to :{port};\n"
        for family, port in (("ipv4", v4), ("ipv6", v6))
        if port
    )
    head = f"type nat hook {hook} priority -100; policy accept;"
    return f"  chain {hook} {{\n    {head}\n{rules}  }};\n"
