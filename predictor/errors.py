"""The errors of this package. Each message says what was wrong and what to do."""


class PredictorError(Exception):
    """No model can be trained, or no forecast made."""
