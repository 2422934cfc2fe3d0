"""Who proposes factors: the built-in evolutionary search and the language model."""
