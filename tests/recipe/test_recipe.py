"""Recipes: those of the package, those of users, and what is said when they are wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import hypothesis.strategies as st
import pytest
import yaml
from hypothesis import given
from pydantic import BaseModel, Field

from ccreid.datasets import READERS
from ccreid.errors import SettingError
from ccreid.recipe import Recipe, RunFolder, explained_yaml, load_recipe, recipe_names, to_yaml
from ccreid.recipe.reading import RECIPES
from ccreid.recipe.section import affects
from ccreid.recipe.settings import Fire2Settings, MethodSettings, setting_paths, settings

Write = Callable[[str | bytes], str]

# ------------------------------------------------------------------------------------------ recipes of the package

# What design/method.md says of every recipe of the paper, and of the method itself.
OF_THE_METHOD = {
    "data.height_px": 384,
    "data.width_px": 192,
    "data.flip": 0.5,
    "data.padding_px": 10,
    "data.erasing": 0.5,
    "data.erasing_aspect": "uniform",
    "network.backbone": "resnet50.tv_in1k",
    "network.weights": "timm",
    "network.last_stride": 1,
    "method.weights.identity": 1.0,
    "method.weights.triplet": 1.0,
    "method.weights.attribute": 1.0,
    "method.weights.recomposition": 0.3,
    "method.scale": 16.0,
    "method.smoothing": 0.1,
    "method.attributes": "mined",
    "method.attribute_smoothing": 0.1,
    "method.margin": 0.3,
    "method.stripes": 2,
    "method.recompositions": 1,
    "method.mining.k1": 20,
    "method.mining.k2": 6,
    "method.mining.eps": 0.4,
    "method.mining.small_identities": "clip",
    "training.learning_rate": 3.5e-4,
    "training.weight_decay": 5e-4,
    "training.warmup_epochs": 10,
    "training.milestones": (20, 40, 60),
    "training.gamma": 0.1,
    "method.reset_optimizer_each_epoch": True,
    "training.precision": "32-true",
    "training.memory_format": "channels-last",
    "training.compile": False,
    "evaluation.flip": True,
}
OF_FIRE2 = ("attributes", "scale", "attribute_smoothing", "stripes", "recompositions", "donors")
COLUMNS = ("data.people", "data.images", "training.epochs", "method.after_epoch", "training.replicas")
TABLE = {
    "ltcc": (4, 8, 80, 25, 1),
    "celeb-reid": (8, 4, 80, 25, 1),
    "prcc": (4, 8, 30, 25, 2),
    "deepchange": (8, 8, 80, 45, 2),
    "last": (16, 4, 80, 45, 2),
    "market1501": (8, 4, 80, 25, 1),
    "msmt17": (8, 4, 80, 25, 1),
}
OF_THE_PAPER = {name: OF_THE_METHOD | dict(zip(COLUMNS, row, strict=True)) for name, row in TABLE.items()}
OTHERS = {
    "demo",
    "own",
    "people",
    "synthetic-people",
    "wardrobe",
    "wardrobe-best",
    "celeb-reid-light",
    "vc-clothes",
}  # nothing published to hold them against


def value_at(recipe: Recipe, path: str) -> object:
    value: object = recipe
    for name in path.split("."):
        value = getattr(value, name)
    return value


every_recipe = pytest.mark.parametrize("name", recipe_names())


def test_the_package_has_its_recipes() -> None:
    assert {"ltcc"} | OTHERS <= set(recipe_names())
    assert set(recipe_names()) <= OTHERS | set(OF_THE_PAPER)  # a new one belongs in a table above
    assert list(recipe_names()) == sorted(path.stem for path in RECIPES.iterdir() if path.suffix == ".yaml")


@every_recipe
def test_a_recipe_of_the_package_is_sound(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.title
    assert recipe.data.dataset in READERS
    assert recipe.affecting("training")["method.after_epoch"] < recipe.training.epochs  # or little would ever run
    assert all(0 < milestone < recipe.training.epochs or name == "prcc" for milestone in recipe.training.milestones)
    assert list(recipe.training.milestones) == sorted(recipe.training.milestones)


@pytest.mark.parametrize("name", [name for name in recipe_names() if name in OF_THE_PAPER])
def test_a_recipe_of_the_paper_has_the_papers_settings(name: str) -> None:
    recipe = load_recipe(name)
    expected = OF_THE_PAPER[name]
    assert {path: value_at(recipe, path) for path in expected} == expected
    assert recipe.data.dataset == name


@every_recipe
def test_a_recipe_survives_being_written(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name)
    (tmp_path / "again.yaml").write_text(to_yaml(recipe), encoding="utf-8")
    assert load_recipe(str(tmp_path / "again.yaml")) == recipe


def test_a_recipe_is_written_with_every_setting() -> None:
    def leaves(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
        for key, value in values.items():
            if isinstance(value, dict):
                yield from leaves(value, f"{prefix}{key}.")
            else:
                yield f"{prefix}{key}"

    assert sorted(leaves(yaml.safe_load(to_yaml(load_recipe("demo"))))) == sorted(setting_paths(Fire2Settings))


# PyYAML itself loses the three line breaks that no keyboard has.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x85\u2028\u2029"), max_size=20)


@given(text=st.one_of(TEXT, st.sampled_from(["1e-4", "1", "null", "yes", "", "~", "a: b", "ü", "1_0"])))
def test_any_text_survives_being_written(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    recipe = load_recipe("ltcc").model_copy(update={"title": text})
    path = tmp_path_factory.mktemp("recipe") / "r.yaml"
    path.write_bytes(to_yaml(recipe).encode("utf-8"))
    assert load_recipe(str(path)).title == text


# -------------------------------------------------------------------------------------------------- every setting


def test_settings_are_listed_once_each() -> None:
    paths = setting_paths(Fire2Settings)
    assert len(set(paths)) == len(paths)
    recipe = load_recipe("ltcc")
    for path in paths:
        assert not isinstance(value_at(recipe, path), BaseModel), f"{path} is a section"


def test_settings_of_the_method_are_listed() -> None:
    assert set(OF_THE_METHOD) | set(COLUMNS) <= set(setting_paths(Fire2Settings))


def test_settings_are_described_where_the_name_does_not_say_it() -> None:
    meaning = {path: entry.description or "" for path, entry in settings(Fire2Settings)}
    assert tuple(meaning) == setting_paths(Fire2Settings)
    for path in ("data.people", "data.images", "method.scale", "training.replicas", "method.after_epoch"):
        assert meaning[path]
    assert "e0" in meaning["method.after_epoch"]


@pytest.mark.parametrize("path", setting_paths(Fire2Settings))
def test_every_listed_setting_can_be_set(path: str) -> None:
    """To a value of no setting's type: the answer names the setting, so it reached it."""
    problems = problems_of("ltcc", f"{path}={{a: 1}}")
    assert [problem.split(":")[0] for problem in problems] == [path]
    assert "no such setting" not in problems[0]


# --------------------------------------------------------------------------------------------------- what is right


@pytest.mark.parametrize(
    ("assignment", "path", "value"),
    [
        ("training.epochs=5", "training.epochs", 5),
        ("training.learning_rate=1e-4", "training.learning_rate", 1e-4),
        ("training.learning_rate=1E-4", "training.learning_rate", 1e-4),
        ("training.learning_rate=.5", "training.learning_rate", 0.5),
        ("training.learning_rate=+2.5e+0", "training.learning_rate", 2.5),
        ("training.learning_rate=1", "training.learning_rate", 1.0),
        ("method.weights.triplet=0", "method.weights.triplet", 0.0),
        ("method.weights={triplet: 0.5, attribute: 2}", "method.weights.triplet", 0.5),
        ("data.root=null", "data.root", None),
        ("data.root=", "data.root", None),
        ("data.root=2024-01-01", "data.root", "2024-01-01"),  # a date is text
        ("data.root=/a/b=c", "data.root", "/a/b=c"),
        ("data.root=/with a space/ü", "data.root", "/with a space/ü"),
        (" data.root =x", "data.root", "x"),
        ("data.workers=null", "data.workers", None),
        ("data.workers=0", "data.workers", 0),
        ("training.milestones=[2, 4]", "training.milestones", (2, 4)),
        ("training.milestones=[]", "training.milestones", ()),
        ("method.reset_optimizer_each_epoch=false", "method.reset_optimizer_each_epoch", False),
        ("network.weights=none", "network.weights", "none"),
        ("title='1e-4'", "title", "1e-4"),
    ],
)
def test_an_assignment_sets_its_setting(assignment: str, path: str, value: object) -> None:
    recipe = load_recipe("ltcc", [assignment])
    assert value_at(recipe, path) == value
    assert type(value_at(recipe, path)) is type(value)
    section = path.rsplit(".", 1)[0]
    unchanged = [other for other in setting_paths(Fire2Settings) if not other.startswith(section)]
    assert [value_at(recipe, other) for other in unchanged] == [
        value_at(load_recipe("ltcc"), other) for other in unchanged
    ]


def test_later_assignments_win() -> None:
    assert load_recipe("ltcc", ["training.epochs=5", "training.epochs=6"]).training.epochs == 6


def test_an_assignment_into_a_section_keeps_what_the_file_set() -> None:
    recipe = load_recipe("demo", ["data.height_px=64"])
    assert (recipe.data.height_px, recipe.data.width_px, recipe.data.dataset) == (64, 64, "wardrobe")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes) -> str:
        path = tmp_path / "mine.yaml"
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        return str(path)

    return write


def test_a_file_is_read_over_the_papers_defaults(write: Write) -> None:
    recipe = load_recipe(
        write("name: mine\ntitle: für mich\ndata:\n  dataset: ltcc\ntraining: {learning_rate: 1e-4}\n")
    )
    assert recipe.name == "mine"
    assert recipe.title == "für mich"
    assert recipe.training.learning_rate == 1e-4
    assert recipe.training.epochs == 80
    assert recipe.network.backbone == "resnet50.tv_in1k"


def test_recipes_do_not_change() -> None:
    recipe = load_recipe("ltcc")
    with pytest.raises(ValueError, match="frozen"):
        recipe.data.people = 3  # type: ignore[misc]  # on purpose


# --------------------------------------------------------------------------------------------------- what is wrong


def error_of(source: str, *assignments: str) -> SettingError:
    with pytest.raises(SettingError) as caught:
        load_recipe(source, assignments)
    assert source in caught.value.message
    return caught.value


def problems_of(source: str, *assignments: str) -> list[str]:
    first, *problems = error_of(source, *assignments).message.split("\n")
    count = len(problems)
    assert re.search(rf"has {count} wrong setting{'s' if count > 1 else ''}:$", first)
    return [problem.strip() for problem in problems]


def test_all_errors_are_told_at_once() -> None:
    problems = problems_of(
        "ltcc", "training.epoch=3", "data.people=0", "method.weights.triplet=-1", "nonsense", "training.seed=x"
    )
    assert len(problems) == 5
    for path in ("training.epoch:", "data.people:", "method.weights.triplet:", "--set nonsense:", "training.seed:"):
        assert sum(problem.startswith(path) for problem in problems) == 1


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("training.epoch", "training.epochs"),
        ("training.learnin_rate", "training.learning_rate"),
        ("data.heigth_px", "data.height_px"),
        ("data.epochs", "training.epochs"),  # the right name in the wrong section
        ("epochs", "training.epochs"),
        ("backbone", "network.backbone"),
        ("method.weights.tripplet", "method.weights.triplet"),
        ("method.triplet", "method.weights.triplet"),
    ],
)
def test_an_unknown_setting_is_answered_with_the_nearest(wrong: str, right: str) -> None:
    assert problems_of("ltcc", f"{wrong}=3") == [f"{wrong}: there is no such setting; did you mean {right}?"]


@pytest.mark.parametrize(
    ("wrong", "right"), [("trainig.epochs", "training"), ("method.wieghts.triplet", "method.weights")]
)
def test_an_unknown_section_is_answered_with_the_nearest(wrong: str, right: str) -> None:
    (problem,) = problems_of("ltcc", f"{wrong}=3")
    assert problem == f"{wrong.rsplit('.', 1)[0]}: there is no such setting; did you mean {right}?"


@pytest.mark.parametrize("wrong", ["zzqq", "1", "training.lr"])  # a wrong guess (training.seed) is worse than none
def test_a_name_like_no_other_is_answered_without_a_guess(wrong: str) -> None:
    assert problems_of("ltcc", f"{wrong}=3") == [f"{wrong}: there is no such setting"]


@pytest.mark.parametrize(
    "assignment",
    [
        "training.epochs=many",
        "training.epochs=1.5",
        "training.epochs=true",
        "training.epochs='5'",
        "training.epochs=null",
        "training.epochs=[5]",
        "training.learning_rate=fast",
        "training.learning_rate='1e-4'",
        "method.reset_optimizer_each_epoch=1",
        "method.reset_optimizer_each_epoch='yes'",
        "training.device=true",
        "training.compile=1",
        "training.compile=auto",
        "network.backbone=3",
        "data.root=3",
        "title=null",
        "name=a b",
    ],
)
def test_a_value_of_another_type_is_refused(assignment: str) -> None:
    path = assignment.split("=")[0]
    (problem,) = problems_of("ltcc", assignment)
    assert problem.startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("assignment", "path"),
    [
        ("training.milestones=3", "training.milestones"),
        ("training.milestones=a", "training.milestones"),
        ("training.milestones=[1, x]", "training.milestones.1"),
    ],
)
def test_milestones_are_a_list_of_epochs(assignment: str, path: str) -> None:
    (problem,) = problems_of("ltcc", assignment)
    assert problem.startswith(f"{path}: ")


OUT_OF_RANGE = [
    *(f"{path}=0" for path in ("data.people", "data.images", "data.height_px", "data.width_px", "method.stripes")),
    *(f"{path}=0" for path in ("method.recompositions", "training.replicas", "method.mining.k1", "method.mining.k2")),
    *(f"{path}=0" for path in ("training.epochs", "training.learning_rate", "training.gamma", "method.scale")),
    "evaluation.batch_images=0",
    *(f"{path}=-1" for path in ("data.padding_px", "data.workers", "method.after_epoch", "training.warmup_epochs")),
    *(f"{path}=-0.1" for path in ("data.flip", "data.erasing", "method.margin", "method.smoothing")),
    *(f"{path}=-0.1" for path in ("method.mining.eps", "training.weight_decay", "method.weights.identity")),
    *(f"{path}=1.1" for path in ("data.flip", "data.erasing", "method.mining.eps", "training.gamma")),
    "method.smoothing=1",
    "network.last_stride=3",
    "network.last_stride=0",
    "method.mining.small_identities=drop",
    "training.device=tpu",
    "training.precision=8-bit",
    "training.memory_format=channels_last",
    "data.unreadable=ignore",
    *(f"{path}=.inf" for path in ("training.learning_rate", "method.weights.triplet", "method.margin")),
    *(f"{path}=.nan" for path in ("training.learning_rate", "data.flip", "method.scale")),
    "training.learning_rate=1e999",
    *(
        f"{path}=1000001"
        for path in ("training.epochs", "data.workers", "method.after_epoch", "evaluation.batch_images")
    ),
    f"training.warmup_epochs={10**400}",
    "data.padding_px=4097",
    "data.cache_gb=1e300",
]


@pytest.mark.parametrize("assignment", OUT_OF_RANGE)
def test_a_value_out_of_range_is_refused(assignment: str) -> None:
    path = assignment.split("=")[0]
    (problem,) = problems_of("ltcc", assignment)
    assert problem.startswith(f"{path}: ")
    assert ", not " in problem


@pytest.mark.parametrize("text", ["", "=", "=3", "training.epochs", "training.epochs 3", ".=3", "data.=3", ".data=3"])
def test_an_assignment_without_a_key_or_a_value_is_refused(text: str) -> None:
    assert problems_of("ltcc", text) == [f"--set {text}: write key=value"]


@pytest.mark.parametrize(
    "value", ["[1", "a: b: c", "{", "'x", "&a [*a]", '"\\ud800"', "!!python/object/apply:os.getcwd []", "\0"]
)
def test_an_assignment_of_broken_yaml_is_refused(value: str) -> None:
    (problem,) = problems_of("ltcc", f"data.root={value}")
    assert problem.startswith("data.root: ")
    assert "not readable" in problem


def test_an_assignment_below_a_value_is_refused() -> None:
    (problem,) = problems_of("ltcc", "training.epochs.most=3")
    assert problem.startswith("training.epochs")


@pytest.mark.parametrize("value", ["3", "[1, 2]", "text", "null"])
@pytest.mark.parametrize("section", ["data", "training", "method.weights"])
def test_a_section_is_no_single_value(write: Write, section: str, value: str) -> None:
    content: dict[str, Any] = {"name": "mine", "data": {"dataset": "ltcc"}}
    inner = content
    *parents, last = section.split(".")
    for parent in parents:
        inner = inner.setdefault(parent, {})
    inner[last] = yaml.safe_load(value)
    for problems in (problems_of("ltcc", f"{section}={value}"), problems_of(write(yaml.safe_dump(content)))):
        (problem,) = problems
        assert problem.startswith(f"{section}: ")
        assert "section" in problem
        assert "Settings" not in problem  # the name of a class


def test_an_assignment_into_a_section_that_is_none_is_refused() -> None:
    problems = problems_of("ltcc", "data=3", "data.people=4")
    assert any(problem.startswith("data.people: ") for problem in problems)


def test_a_file_must_name_itself_and_its_data(write: Write) -> None:
    assert problems_of(write("training: {epochs: 3}\n")) == ["name: is missing", "data: is missing"]
    assert problems_of(write("name: x\ndata: {people: 4}\n")) == ["data.dataset: is missing"]


def test_a_file_with_several_errors_has_them_told_at_once(write: Write) -> None:
    problems = problems_of(write("name: x\ndata: {dataset: ltcc, peple: 4}\ntraining: {epochs: -1}\n"), "data.flip=2")
    assert {problem.split(":")[0] for problem in problems} == {"data.peple", "training.epochs", "data.flip"}


@pytest.mark.parametrize(
    "content",
    ["a: b: c", "[1", "\tname: x", "? [1]\n: 2", "a: 1\n---\nb: 2", "x: !!python/name:os.system"],
)
def test_a_file_of_broken_yaml_is_refused(write: Write, content: str) -> None:
    assert "not readable as YAML" in error_of(write(content)).message


@pytest.mark.parametrize("content", ["", "# nothing yet\n", "- a\n- b\n", "text", "3", "null"])
def test_a_file_without_a_mapping_is_refused(write: Write, content: str) -> None:
    error = error_of(write(content))
    assert "holds no settings" in error.message
    assert "mapping" in error.mend


@pytest.mark.parametrize("content", [b"name: \xff\xfe", "name: x".encode("utf-16"), b"\x89PNG\r\n", b"name: x\0"])
def test_a_file_that_is_no_utf8_text_is_refused(write: Write, content: bytes) -> None:
    assert "not readable as YAML" in error_of(write(content)).message


@pytest.mark.parametrize(("wrong", "right"), [("ltc", "ltcc"), ("wardrob", "wardrobe"), ("Demo", "demo")])
def test_an_unknown_recipe_is_answered_with_the_nearest(wrong: str, right: str) -> None:
    error = error_of(wrong)
    assert f"Did you mean '{right}'?" in error.mend
    assert all(name in error.mend for name in recipe_names())


@pytest.mark.parametrize("source", ["", "zzqq", "nowhere/mine.yaml", "x" * 300])
def test_an_unknown_recipe_like_no_other_is_answered_without_a_guess(source: str) -> None:
    error = error_of(source)
    assert "Did you mean" not in error.mend
    assert all(name in error.mend for name in recipe_names())


def test_a_folder_is_no_recipe(tmp_path: Path) -> None:
    error_of(str(tmp_path))


def test_the_best_recipe_of_wardrobe_differs_by_what_was_adopted() -> None:
    plain, best = (load_recipe(name).affecting("training") for name in ("wardrobe", "wardrobe-best"))
    assert {path for path in plain if plain[path] != best[path]} == {"method.reset_optimizer_each_epoch"}


# ------------------------------------------------------------------------------------------------- what settings affect


def test_each_setting_says_what_it_affects() -> None:
    marked = {path: affects(entry) for path, entry in settings(Fire2Settings)}
    assert {path for path, what in marked.items() if what == "scores"} == {
        "evaluation.camera_means",
        "evaluation.centralise",
        "evaluation.reranking",
    }
    assert {path for path, what in marked.items() if what == "machine"} == {
        "name",
        "title",
        "data.workers",
        "data.cache_gb",
        "training.device",
        "training.trackers",
    }
    # The selection of an epoch embeds with the mirror image; mining embeds in batches; people are held out of training.
    for path in ("evaluation.flip", "evaluation.batch_images", "selection.scored"):
        assert marked[path] == "training"


def test_what_affects_nothing_is_no_difference() -> None:
    plain = load_recipe("demo")
    other = load_recipe("demo", ["data.workers=3", "title=another", "training.trackers=[tensorboard]", "name=other"])
    assert plain.affecting("training", "scores") == other.affecting("training", "scores")


def test_a_recipe_is_explained_in_yaml_that_reads_as_itself(tmp_path: Path) -> None:
    for name in recipe_names():
        text = explained_yaml(load_recipe(name))
        (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
        assert load_recipe(str(tmp_path / "recipe.yaml")) == load_recipe(name)
        assert all("#" in line for line in text.splitlines())


# ------------------------------------------------------------------------------------------------------------- methods


def test_another_method_keeps_what_it_knows_of_the_settings_before_it() -> None:
    recipe = load_recipe("demo", ["method.margin=0.5", "method.name=baseline"])
    before = load_recipe("demo", ["method.margin=0.5"])
    ours, theirs = recipe.affecting("training"), before.affecting("training")
    assert ours["method.name"] == "baseline"
    assert ours["method.margin"] == 0.5
    assert ours["method.after_epoch"] == theirs["method.after_epoch"] == 8
    assert set(theirs) - set(ours) == {path for path in theirs if "mining" in path} | {
        f"method.{name}" for name in (*OF_FIRE2, "weights.attribute", "weights.recomposition")
    }


def test_a_setting_that_the_method_does_not_know_is_refused() -> None:
    with pytest.raises(SettingError, match=r"method\.stripes: is a setting of fire2 alone"):
        load_recipe("demo", ["method.name=baseline", "method.stripes=3"])
    with pytest.raises(SettingError, match=r"method\.clothes_rate: is a setting of cal alone"):
        load_recipe("demo", ["method.clothes_rate=1e-3"])
    with pytest.raises(SettingError, match=r"method\.scale: is a setting of fire2 and cal alone"):
        load_recipe("demo", ["method.name=baseline", "method.scale=3"])
    with pytest.raises(SettingError, match=r"method\.mining: is a setting of fire2 alone"):  # of a whole section too
        load_recipe("demo", ["method.name=cal", "method.mining.k1=3"])


def test_an_unknown_method_is_named_with_those_there_are() -> None:
    with pytest.raises(SettingError, match="no method 'fire3'; known are baseline, fire2"):
        load_recipe("demo", ["method.name=fire3"])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("objective.margin", "method"),
        ("attributes.k1", "method.mining"),
        ("evaluation.people", "selection.scored"),
        ("training.reset_optimizer_each_epoch", "method.reset_optimizer_each_epoch"),
    ],
)
def test_settings_of_earlier_versions_are_told_their_place(old: str, new: str) -> None:
    with pytest.raises(SettingError, match=rf"did you mean {re.escape(new)}\?"):
        load_recipe("demo", [f"{old}=1"])


@pytest.mark.parametrize("folder", ["2024", "a #b", "~", "it's", "[x]", "null", "1e3", "a: b"])
def test_a_folder_of_data_may_have_any_name(tmp_path: Path, folder: str) -> None:
    recipe = load_recipe("demo", data=tmp_path / folder)
    assert recipe.data.root == str(tmp_path / folder)
    run = RunFolder(tmp_path / "run")
    run.write_recipe(recipe)
    assert run.recipe().data.root == str(tmp_path / folder)
    assert run.recipe(data=tmp_path / "elsewhere").data.root == str(tmp_path / "elsewhere")


@pytest.mark.parametrize(("weights", "told"), [("/home/anna/first.pth", None), ("anna", None), ("timm", "timm")])
def test_what_is_told_of_a_recipe_names_no_file_and_nobody(
    weights: str, told: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MethodSettings, "known", dict(MethodSettings.known))

    class SecretiveSettings(MethodSettings):
        name: Literal["secretive"] = "secretive"
        teacher: str = "/home/anna/teacher.pth"
        teachers: tuple[str, ...] = ("anna", "berta")
        kinds: tuple[Literal["a", "b"], ...] = ("a", "b")
        by_person: dict[str, float] = Field(default_factory=lambda: {"anna": 1.0})
        share: float | Literal["all"] = "all"
        limit: int | None = 3

    plain = load_recipe("wardrobe", [f"network.weights={weights}"], data=tmp_path)
    recipe = plain.model_copy(update={"method": SecretiveSettings()})
    assert {path: value for path, value in recipe.told().items() if path.startswith("method.")} == {
        "method.name": "secretive",
        "method.teacher": None,
        "method.teachers": None,
        "method.kinds": ["a", "b"],
        "method.by_person": None,
        "method.share": "all",
        "method.limit": 3,
    }
    whole = plain.model_dump(mode="json")
    assert plain.shareable() == {
        **whole,
        "data": {**whole["data"], "root": None},
        "network": {**whole["network"], "weights": told},
    }
