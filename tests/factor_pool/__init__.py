"""Tests of the factor pool."""
