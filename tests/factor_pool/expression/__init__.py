"""Tests of the expression language and its engine."""
