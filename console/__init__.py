"""What the command line prints: tables, progress, the doctor and the demonstration."""
