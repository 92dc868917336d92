"""Protocols that others' clients speak already, over the same use case."""
