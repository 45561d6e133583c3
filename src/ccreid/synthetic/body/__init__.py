"""People's bodies: what they are made of, how they look, stand and walk."""
