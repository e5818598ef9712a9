"""Evidence that metering changes nothing: random programs, a public test suite and a corpus of real Lua files.

``python -m tests.conformance all`` runs it all; docs/conformance.md says what and why.
"""
