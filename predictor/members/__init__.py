"""Below the sectors: what the single stocks' own past at their limits says of tomorrow."""
