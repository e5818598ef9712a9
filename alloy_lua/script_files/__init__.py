"""Lua files as people keep them in a folder: a head of comment lines says when a script runs."""
