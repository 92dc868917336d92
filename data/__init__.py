"""Real logs with their licences, and how their records map to events."""
