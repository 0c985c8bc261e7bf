"""``lookup.py TYPE NAME``: what the DNS server of /etc/resolv.conf answers, like ``dig +short``."""

import sys

import dns.exception
import dns.resolver


def main(qtype: str, name: str) -> int:
    try:
        for row in dns.resolver.resolve(name, qtype, search=True, lifetime=5):
            print(row)
    except dns.exception.DNSException as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
