"""The stock-level strategy on the dragon-tiger list (龙虎榜)."""
