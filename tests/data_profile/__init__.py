"""Tests of data_profile."""
