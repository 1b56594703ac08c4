"""All objects of the activation API: requests, answers, and their limits. Pure.

Light to import: command lines read it at every start.
"""

from .aggregations import PAGE_LINKS, AggregationAnswer, PairedCode, ParentsPage
from .answers import (
    PAGE_CODES,
    PAGE_RANGES,
    BatchPage,
    HeadAnswer,
    HealthAnswer,
    OrderAnswer,
    RangeState,
)
from .json_object import LISTED, SERIAL_MAX, MalformedAnswer
from .market import (
    PAGE_REGIONS,
    RefusedPage,
    RefusedScan,
    RegionScans,
    RegionsPage,
    Repeat,
    RepeatsPage,
    UnknownPage,
    UnknownScan,
)
from .requests import CHUNK_CODES, FINGERPRINT_BYTES, ORDER_RANGES, Aggregation, Batch, Order
from .scans import (
    PAGE_SCAN_INS,
    SCAN_IN_RANGES,
    Party,
    ScanAnswer,
    ScanIn,
    ScanInAnswer,
    ScanInsPage,
    ScanInTold,
)

__all__ = [
    "CHUNK_CODES",
    "FINGERPRINT_BYTES",
    "LISTED",
    "ORDER_RANGES",
    "PAGE_CODES",
    "PAGE_LINKS",
    "PAGE_RANGES",
    "PAGE_REGIONS",
    "PAGE_SCAN_INS",
    "SCAN_IN_RANGES",
    "SERIAL_MAX",
    "Aggregation",
    "AggregationAnswer",
    "Batch",
    "BatchPage",
    "HeadAnswer",
    "HealthAnswer",
    "MalformedAnswer",
    "Order",
    "OrderAnswer",
    "PairedCode",
    "ParentsPage",
    "Party",
    "RangeState",
    "RefusedPage",
    "RefusedScan",
    "RegionScans",
    "RegionsPage",
    "Repeat",
    "RepeatsPage",
    "ScanAnswer",
    "ScanIn",
    "ScanInAnswer",
    "ScanInTold",
    "ScanInsPage",
    "UnknownPage",
    "UnknownScan",
]
