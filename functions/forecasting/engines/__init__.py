"""What fits: the batched engine, and stock Prophet itself."""
