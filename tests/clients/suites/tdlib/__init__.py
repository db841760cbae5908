"""TDLib 1.8.69 (PyPI tdjson), layer 232: RSA_PAD, obfuscated intermediate, with and without temporary keys."""
