"""Instruments: the broker's daily master, search, contract tables, and the names of single contracts."""

from sos.data.instruments.master import Download, Master, MasterCache
from sos.data.instruments.names import ContractName, parse_contract, parse_key
from sos.data.instruments.search import Hit, search, suggest
from sos.data.instruments.tables import Contract, ContractTable, Difference, differences

__all__ = [
    "Contract",
    "ContractName",
    "ContractTable",
    "Difference",
    "Download",
    "Hit",
    "Master",
    "MasterCache",
    "differences",
    "parse_contract",
    "parse_key",
    "search",
    "suggest",
]
