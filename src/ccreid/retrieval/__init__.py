"""Finding people: galleries that last, who is nobody, which crops show one person."""
