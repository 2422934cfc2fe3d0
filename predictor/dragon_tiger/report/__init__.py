"""The page of a backtest on the dragon-tiger list."""
