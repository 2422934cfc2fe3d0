"""The errors of this package. Each message says what was wrong and what to do."""


class ScenarioError(Exception):
    """Anything that stops the search for factors."""


class OptionsError(ScenarioError):
    """The options of a run contradict each other or are out of range."""


class IsolationError(ScenarioError):
    """The sandbox, not the factor, failed: no engine, no image, a dead daemon, a full disk."""


class ProposalError(ScenarioError):
    """A proposer gave nothing usable this time; the night goes on with the next idea."""


class BackendError(ScenarioError):
    """The language model's provider refused or cannot be reached."""


class BudgetExceeded(ScenarioError):
    """The night's budget of money or tokens is spent."""
