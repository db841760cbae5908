"""Clients under a server that breaks the protocol."""
