"""The settings of a run."""

from ccreid.recipe.reading import explained_yaml, load_recipe, recipe_names, to_yaml, with_seed
from ccreid.recipe.run_folder import RunFolder
from ccreid.recipe.settings import MethodSettings, Recipe

__all__ = [
    "MethodSettings",
    "Recipe",
    "RunFolder",
    "explained_yaml",
    "load_recipe",
    "recipe_names",
    "to_yaml",
    "with_seed",
]
