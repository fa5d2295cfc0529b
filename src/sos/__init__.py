"""SOS: Scalping Orchestration System."""

__version__ = "0.1.0"
