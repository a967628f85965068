"""Speech whose words' times are known: spoken by eSpeak NG or ElevenLabs, or joined of recordings of single words.

texts.py        what is said
plan.py         how each recording is to be spoken, and what one command makes
elevenlabs.py   ElevenLabs' text to speech with timestamps
recordings.py   words joined with pauses, recordings and truths on disk
voices.py       recordings of single words: Debian's telephone prompts, a folder for each speaker, or a table
sentences.py    sentences of these, clean and with noise
"""
