"""Which crops of a pile show one person."""
