"""Layers 158, 229 and 232 talk to each other: Pyrogram, Telethon and TDLib against one server, in one process."""
