"""Music whose instruments are known: phrases invented or taken from MIDI files, played on SoundFonts."""
