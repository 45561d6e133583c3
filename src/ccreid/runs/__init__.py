"""The journeys, from a recipe or a bundle to a folder of results."""
