"""Recordings made, whose truth is known: soundscapes of joined clips, spoken sentences, music from SoundFonts."""
