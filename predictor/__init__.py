"""What the factors are for: tomorrow's ranking of sectors, with reasons."""
