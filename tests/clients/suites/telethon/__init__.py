"""Telethon 1.45.0, layer 229: the older RSA padding, four transports, no temporary keys."""
