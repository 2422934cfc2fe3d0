"""Where factors are evaluated: hardened containers, or separate processes."""
