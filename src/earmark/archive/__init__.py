"""Archives: thousands of hours labelled once, and any sound in them found again."""
