"""Ledger nodes to try the agent's adapters on, each a program of its own.

The tests run no Besu, GoQuorum, geth or FISCO BCOS. These speak the part of their interfaces that the agent
uses, built to what those projects publish and to nothing of the agent's: they import nothing of it.
"""
