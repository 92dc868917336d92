"""One folder a workflow; each declares everything about one question that the firm asks."""
