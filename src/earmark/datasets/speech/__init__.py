"""Speech made by machines, with the times of its words: ground truth that nobody has to mark by hand.

sentences.py   what is said
plan.py        how each recording is to be spoken
joining.py     words and pauses become one recording, with the words' times
elevenlabs.py  answers of ElevenLabs' text to speech with timestamps; asking.py asks for them
pairs.py       recordings and truths on disk
jobs.py        what one command makes
"""
