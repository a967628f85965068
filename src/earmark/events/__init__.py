"""Events from scores: the timeline, its thresholds, tighter boundaries, each second's labels."""
