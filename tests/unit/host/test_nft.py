import subprocess
import sys

import pytest

from ktconnect.errors import HostError
from ktconnect.host.nft import Nft


def test_the_package_is_named_if_the_library_is_missing():
    with pytest.raises(HostError, match="not installed") as error:
        Nft("libnftables.so.0")
    assert "apt install nftables" in error.value.hint


# In a user namespace nobody needs to be root, and no rule of the machine is near.
INSIDE = """
from ktconnect.errors import HostError
from ktconnect.host.nft import Nft

nft = Nft()
nft.run("table inet kt { flags owner; };")
print(nft.run("list tables").strip())
try:
    nft.run("table inet other {}; bogus")
except HostError as error:
    print("refused", "bogus" in str(error))
print(nft.run("list tables").strip())
nft.close()
nft.close()
print(repr(Nft().run("list tables")))
"""


def test_a_table_lives_as_long_as_its_owner_and_a_transaction_is_all_or_nothing():
    wrapped = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-c", INSIDE]
    done = subprocess.run(wrapped, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.stdout.splitlines() == ["table inet kt", "refused True", "table inet kt", "''"]
