"""Instruments: the broker's daily master, search, contract tables, and the names of single contracts."""

from sos.data.instruments.names import ContractName, parse_contract, parse_key

__all__ = ["ContractName", "parse_contract", "parse_key"]
