"""Phrases: sampled instruments playing alone and together, with labels on the time line."""
