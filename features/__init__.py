"""Serves features built by the stream, the way Feast lays them out; the only room with Feast.

What answers requests (`features.online`) reads Feast's layout in Redis without loading Feast.
"""
