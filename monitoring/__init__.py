"""What a model does after it is promoted: drift, false positives and outcomes, by workflow."""
