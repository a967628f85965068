"""Every picture, and what a notebook shows. Needs matplotlib, which is imported when a picture is drawn."""
