"""Words in speech, by classifiers of frames, and the speaker's fundamental frequency."""

STEP = 0.01  # seconds from one frame to the next; frame i is centred at i * STEP
