"""How good a factor is: windows, labels, baselines, metrics, inference, scores."""
