"""Runs on tape, and what is made of them: replay, back-tests, candidates beside live revisions."""
