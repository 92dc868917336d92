"""A simulated firm: what stands in for its systems of record where there are none."""
