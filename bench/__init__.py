"""Benchmarks: each promise of speed or memory beside what a user would use instead."""
