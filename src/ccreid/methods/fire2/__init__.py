"""FIRe²."""
