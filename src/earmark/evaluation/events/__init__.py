"""How well events are found: by segments, by events, and over all thresholds at once."""
