"""Sentences of real words: recordings of single words, joined with pauses, so that the times of all words are known.

voices.py      whose recordings: Debian's telephone prompts, a folder for each speaker, or a table
single.py      which recordings hold one word whose edges can be told
noise.py       real background noise
building.py    sentences, clean and with noise, and their truth on disk
"""
