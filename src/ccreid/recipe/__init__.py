"""The settings of a run."""

from ccreid.recipe.reading import load_recipe, recipe_names, to_yaml
from ccreid.recipe.settings import Recipe

__all__ = ["Recipe", "load_recipe", "recipe_names", "to_yaml"]
