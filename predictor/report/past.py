"""What the forecast log holds for the page."""
