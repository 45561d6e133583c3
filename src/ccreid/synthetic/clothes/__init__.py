"""What people wear, and how it lies and hangs on a body."""
