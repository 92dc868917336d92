"""Scores over HTTP: the same use cases as on the stream, for systems that call and wait."""
