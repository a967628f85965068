"""Soundscapes: labelled clips joined into long tracks over real backgrounds, with labels on the time line."""
