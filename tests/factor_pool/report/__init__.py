"""Tests of the score report."""
