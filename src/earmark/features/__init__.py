"""Features from samples: front ends, summary descriptors, and streams of frames cut into patches."""
