"""Where visitors come from, as far as it may be known: a keyed hash of their network."""

import ipaddress

from vocative.privacy.vault import Vault


def network_hash(vault: Vault, ip: str | None) -> str | None:
    """A keyed hash of a visitor's network: enough to see that two visitors are one.

    Args:
        vault: Of the workspace.
        ip: The visitor's address; None or unreadable where it is not known.
    """
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return None
    prefix = 24 if address.version == 4 else 48
    network = ipaddress.ip_network((address, prefix), strict=False)
    return vault.lookup_hash("network", str(network))
