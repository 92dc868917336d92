"""The fairness job: it alone opens the vault, and only figures of many people leave it."""
