"""The errors of this package. Each message says what was wrong, where, and what to do."""


class FactorError(Exception):
    """Anything wrong with a factor, its evaluation or its keeping."""


class EvaluationError(FactorError):
    """A factor cannot be evaluated or scored on this panel."""


class LedgerError(FactorError):
    """The ledger cannot be read or written, or an entry contradicts an earlier one."""


class PoolError(FactorError):
    """The pool cannot be published, listed or changed."""


class ExportError(FactorError):
    """The pool cannot be written in the wanted format."""
