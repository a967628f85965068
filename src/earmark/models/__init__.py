"""Models: pretrained weights that training starts from."""
