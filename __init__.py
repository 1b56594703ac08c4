"""mintmark issues the codes of 一物一码: mint, seal, package, activate."""

__version__ = "0.1.0"
