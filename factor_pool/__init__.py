"""What a factor is: the expression language, its evaluation, acceptance, ledger and pool."""
