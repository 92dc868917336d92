"""TEMPORARY STUB until the real room is there; overwrite me."""
def open_feature_store(*a): return None
def apply(*a): pass
