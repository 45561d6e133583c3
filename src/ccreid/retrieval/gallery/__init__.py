"""People, their outfits and crops: kept, searched, mended, forgotten."""
