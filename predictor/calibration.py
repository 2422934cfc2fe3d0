"""Raw scores into probabilities."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Logistic:
    """Probability 1 / (1 + exp(-(intercept + slope x))) of a raw score x; slope >= 0."""

    slope: float
    intercept: float

    @classmethod
    def fit(cls, raw: np.ndarray, happened: np.ndarray) -> "Logistic":
        """Maximum likelihood with Platt's smoothed targets.

        Parameters
        ----------
        raw
            float (N,): raw scores.
        happened
            bool (N,).

        Notes
        -----
        Platt (1999), "Probabilistic outputs for support vector machines". The targets
        (n1 + 1) / (n1 + 2) and 1 / (n0 + 2) keep a sample without a single event finite.
        """
        from scipy.optimize import minimize

        events = int(happened.sum())
        others = len(happened) - events
        target = np.where(happened, (events + 1) / (events + 2), 1 / (others + 2))

        def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
            z = parameters[0] * raw + parameters[1]
            error = _sigmoid(z) - target
            return (
                float(np.mean(np.logaddexp(0, z) - target * z)),
                np.array([np.mean(error * raw), np.mean(error)]),
            )

        found = minimize(
            loss, x0=np.array([1.0, 0.0]), jac=True, method="L-BFGS-B",
            bounds=((0.0, None), (None, None)),
        )  # fmt: skip
        return cls(float(found.x[0]), float(found.x[1]))

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        """Probabilities, same shape."""
        return _sigmoid(self.slope * raw + self.intercept)


def _sigmoid(z: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    return np.asarray(expit(z))
