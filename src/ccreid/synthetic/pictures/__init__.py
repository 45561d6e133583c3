"""What cameras see of people: scenes, light, drawing, and the way from light to a file."""
