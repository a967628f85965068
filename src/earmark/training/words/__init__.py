"""Training of the frame classifiers that tell speech from background."""
