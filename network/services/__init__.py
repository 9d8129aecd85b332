"""The verbs of the network."""

from network.services.frame import (
    OperatorCodeExists,
    RegionCodeExists,
    RegionTooDeep,
    create_operator,
    create_region,
)
from network.services.sites import SiteCodeExists, create_site, register_site, register_sites

__all__ = [
    "OperatorCodeExists",
    "RegionCodeExists",
    "RegionTooDeep",
    "SiteCodeExists",
    "create_operator",
    "create_region",
    "create_site",
    "register_site",
    "register_sites",
]
