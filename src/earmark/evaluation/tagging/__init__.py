"""How well a model says what clips are as a whole, on a dataset that it has not seen."""
