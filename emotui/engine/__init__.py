"""Talking to a model in a process of its own."""
