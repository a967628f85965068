"""Model files, the scores and labels they give for a recording, and pretrained weights that training starts from."""
