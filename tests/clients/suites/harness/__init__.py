"""What all suites share: scenarios, people, the server process, a SOCKS proxy."""
