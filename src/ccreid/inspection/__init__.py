"""What would spoil a score, found before it does."""
