"""Tests of factor_pool.evaluation."""
