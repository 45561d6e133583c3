"""Where the rows of a gallery are kept, behind one narrow seam."""
