"""Scenarios that real client libraries play against a running server."""
