"""Words in speech, by classifiers of frames, and the speaker's fundamental frequency."""
