"""What every room uses, one of each."""
