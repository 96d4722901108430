"""The order of steps: load, plan, start, follow, collect."""
