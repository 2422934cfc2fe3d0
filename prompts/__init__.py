"""Every word said to a language model, as versioned YAML templates."""
