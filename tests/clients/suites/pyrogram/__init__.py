"""Pyrogram 2.0.106, layer 158: every answer and push must be said in that old layer."""
