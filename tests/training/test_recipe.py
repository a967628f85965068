import os
import re
from pathlib import Path

import pytest
import yaml

from earmark.errors import RecipeError
from earmark.features.frontend import FrontEnd
from earmark.training import networks, recipe, recipe_files, study
from earmark.training import recipe as recipes
from earmark.training.words import corpus

SHORT = "dataset:\n  - path: somewhere\n  - path: elsewhere\n    layout: esc\n"
HOME = Path(__file__).parents[2] / "recipes"
OTHERS = ("words", "studies")  # of another kind
RECIPES = sorted(path for path in HOME.rglob("*.yaml") if path.parent.name not in OTHERS and path.parent != HOME)
STUDIES = sorted((HOME / "environment" / "studies").glob("*.yaml"))


@pytest.fixture
def load(tmp_path):
    def read(text=SHORT, *overrides):
        path = tmp_path / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        return recipe.load(path, list(overrides))

    return read


def assert_refused(load, words, text=SHORT, *overrides):
    with pytest.raises(RecipeError) as error:
        load(text, *overrides)
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_little_is_needed(load):
    mine = load()
    assert mine.name == "mine"
    assert [part.path for part in mine.dataset] == ["somewhere", "elsewhere"]
    assert mine.training.epochs == 100


def test_one_dataset_needs_no_list(load):
    assert load("dataset:\n  path: here\n").dataset[0].path == "here"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SHORT + "colour: red\n", ["unknown key colour"]),
        (SHORT + "training:\n  epoch: 3\n", ["unknown key training.epoch"]),
        (SHORT + "front_end:\n  hops: 3\n", ["unknown key front_end.hops"]),
        (SHORT + "augment:\n  mixup: lots\n", ["augment.mixup", "lots"]),
        (SHORT + "training:\n  epochs: 0\n", ["training.epochs", "greater than or equal to 1"]),
        (SHORT + "split:\n  protocol: random\n", ["split.protocol", "grouped"]),
        (SHORT + "split:\n  protocol: random_after_augmentation\n", ["split.protocol", "grouped"]),
        (SHORT + "split:\n  held_out: 1.5\n", ["split.held_out"]),
        (SHORT + "front_end:\n  fmin: 20000\n", ["front_end", "do not fit"]),
        (SHORT + "front_end:\n  kind: wavelets\n", ["front_end.kind"]),
        ("dataset:\n  - layout: esc\n", ["dataset.0.path is missing"]),
        ("dataset:\n  - path: a\n    lable: b\n", ["unknown key dataset.0.lable"]),
        ("dataset:\n  rain: null\n  birds: {path: a, lable: b}\n", ["unknown key dataset.birds.lable"]),
        ("name: x\n", ["dataset is missing"]),
        ("", ["holds no sections"]),
        ("- a\n- b\n", ["holds no sections"]),
        ("dataset: [\n", ["is not YAML"]),
        (SHORT + "training:\n", ["training"]),
    ],
)
def test_errors_name_the_key(load, text, words):
    assert_refused(load, ["mine.yaml", *words], text)


def test_every_error_is_told_at_once(load):
    assert_refused(load, ["unknown key colour", "training.epochs"], SHORT + "colour: red\n", "training.epochs=many")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(RecipeError, match=r"gone\.yaml: cannot be read"):
        recipe.load(tmp_path / "gone.yaml")
    with pytest.raises(RecipeError, match="cannot be read"):
        recipe.load(tmp_path)
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\xfa\x00")
    with pytest.raises(RecipeError, match="is not YAML"):
        recipe.load(tmp_path / "bytes.yaml")


def test_overrides(load):
    changed = load(
        SHORT,
        "training.epochs=3",
        "split.folds=[1, 2]",
        "dataset.1.path=data/here",
        "dataset.0.options.subset=esc10",
        "export.exclusive=false",
        "name=a=b",
        "front_end.fmax=8e3",
        "training.learning_rate=1e-3",
    )
    assert changed.training.epochs == 3
    assert changed.split.folds == [1, 2]
    assert [part.path for part in changed.dataset] == ["somewhere", "data/here"]
    assert changed.dataset[0].options == {"subset": "esc10"}
    assert changed.export.exclusive is False
    assert changed.name == "a=b"
    assert changed.front_end.fmax == 8000
    assert changed.training.learning_rate == 0.001


def test_a_dataset_as_a_whole_can_be_replaced(load):
    changed = load(SHORT, "dataset.1={path: new, optional: true}")
    assert changed.dataset[1].optional


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("training.epoch=3", ["unknown key training.epoch"]),
        ("trainig.epochs=3", ["unknown key trainig"]),
        ("training.epochs", ["section.key=value"]),
        ("=3", ["section.key=value"]),
        ("dataset.2.path=x", ["2 is no position in a list of 2"]),
        ("dataset.-1.path=x", ["-1 is no position"]),
        ("dataset.path=x", ["path is no position"]),
        ("dataset.2=x", ["2 is no position"]),
        ("dataset.0.path.deep=x", ["path is no section"]),
        ("name.deep.er=x", ["name.deep.er=x", "name"]),
        ("split.folds=[1", ["split.folds=[1", "not YAML"]),
        ("training.epochs=", ["training.epochs"]),
        ("front_end.n_fft=1023", ["front_end", "n_fft"]),
    ],
)
def test_overrides_that_do_not_fit(load, override, words):
    assert_refused(load, words, "name: x\n" + SHORT, override)


def test_deep_into_a_list_of_numbers(load):
    assert_refused(load, ["0 is no section"], SHORT + "split:\n  folds: [1]\n", "split.folds.0.x=1")


def test_round_trip_through_yaml(load):
    mine = load(SHORT, "split.folds=[1]", "name=änderung", "dataset.0.relabel={a: [b, c]}")
    assert load(mine.dump()) == mine
    assert yaml.safe_load(mine.dump())["training"]["epochs"] == 100


def test_recipes_do_not_change(load):
    with pytest.raises(ValueError, match="frozen"):
        load().name = "other"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_recipes_that_come_with_the_project(path):
    mine = recipe.load(path, [] if "model:" in path.read_text() or "base:" in path.read_text() else ["name=pictures"])
    assert mine.description or path.stem in ("pictures", "imagenet")  # what others lie on
    assert mine.model.network in networks.NETWORKS


@pytest.mark.parametrize("path", sorted(HOME.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_recipes_share_is_a_recipe_once_it_has_data(path):
    mine = recipe.check({"name": "x", "dataset": {"path": "x"}, **recipe_files.read(path)}, path, [])
    assert mine.model.network in networks.NETWORKS


@pytest.mark.parametrize("dataset", ["esc10", "esc50"])
def test_our_own_network_stays_within_two_million_parameters(dataset):
    mine = recipe.load(HOME / "environment" / dataset / "earmark.yaml")
    network = networks.build(mine.model.network, mine.front_end.size, 50, mine.model.options)
    assert sum(p.numel() for p in network.parameters()) < 2e6


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_studies_that_come_with_the_project(path):
    asked, plans = study.load(path, [])
    assert asked.description
    assert len(plans) == len(asked.variants)


def test_a_recipe_is_laid_over_its_base(tmp_path):
    below = SHORT + "training:\n  epochs: 7\n  batch: 4\naugment:\n  mixup: 0.5\n"
    (tmp_path / "below.yaml").write_text(below)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "mine.yaml").write_text("base: ../below.yaml\ntraining:\n  epochs: 9\n")
    mine = recipe.load(tmp_path / "deep" / "mine.yaml")
    assert (mine.training.epochs, mine.training.batch, mine.augment.mixup) == (9, 4, 0.5)
    assert len(mine.dataset) == 2


def test_named_datasets_are_merged_by_name(tmp_path):
    below = "dataset:\n  rain: {path: rain, excerpts: 2}\n  birds: {path: birds}\n  street: {path: street}\n"
    (tmp_path / "below.yaml").write_text(below)
    own = "base: below.yaml\ndataset:\n  rain: {excerpts: 5}\n  birds: null\n  dogs: {path: dogs, layout: esc}\n"
    (tmp_path / "mine.yaml").write_text(own)
    mine = recipe.load(tmp_path / "mine.yaml", ["dataset.street.optional=true"])
    assert [(part.path, part.excerpts, part.optional) for part in mine.dataset] == [
        ("rain", 5, False), ("street", 1, True), ("dogs", 1, False)
    ]  # fmt: skip
    assert mine.dataset[2].layout == "esc"
    again = tmp_path / "resolved.yaml"
    again.write_text(mine.dump())
    assert recipe.load(again) == mine


def test_a_list_takes_the_place_of_all_the_datasets_of_a_base(tmp_path):
    (tmp_path / "below.yaml").write_text("dataset:\n  rain: {path: rain}\n  birds: {path: birds}\n")
    (tmp_path / "mine.yaml").write_text("base: below.yaml\ndataset:\n  - path: dogs\n")
    assert [part.path for part in recipe.load(tmp_path / "mine.yaml").dataset] == ["dogs"]


def test_make_models_names_recipes_that_load():
    made = (
        (HOME.parent / "Makefile")
        .read_text(encoding="utf-8")
        .partition("models: ")[2]
        .partition("$(VENV)/bin/python:")[0]
    )
    named = set(re.findall(r"recipes/[\w/]+\.yaml", made))
    assert named == {"recipes/sounds.yaml", "recipes/instruments/five.yaml", "recipes/instruments/instruments.yaml"}
    for path in named:
        assert recipe.load(HOME.parent / path).description
    classifiers = re.search(r"for classifier in ([\w ]+);", made).group(1).split()
    for classifier in classifiers:
        plan = corpus.load(HOME / "words" / f"{classifier}.yaml")
        assert networks.build(plan.model.network, plan.front_end.size, 1, plan.model.options)
    bundled = HOME.parent / "src" / "earmark" / "models" / "bundled"
    assert {path.stem for path in (bundled / "words").glob("*.onnx")} == set(classifiers)
    assert {path.stem for path in bundled.glob("*.onnx")} == {"sounds", "instruments"}
    for script in re.findall(r"recipes/[\w/]+\.sh", made):
        assert os.access(HOME.parent / script, os.X_OK)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("augment:\n  copies: [echo]\n", ["augment.copies", "echo is unknown", "pitch_up"]),
        ("augment:\n  copies: [zoom]\n", ["zoom changes pictures", "front_end.image"]),
        ("front_end:\n  kind: summary\n", ["set patch"]),
        ("front_end:\n  patch: 2\ntest:\n  crops: 5\n", ["test.crops", "averaged anyway"]),
    ],
)
def test_settings_that_do_not_go_together(load, section, words):
    assert_refused(load, words, SHORT + section)


def test_what_a_whole_section_lacks_is_one_plain_line(load):
    with pytest.raises(RecipeError) as refused:
        load("name: a\ndataset: {path: b}\nfront_end:\n  patch: 2\ntest:\n  crops: 5\n")
    subject, reason = str(refused.value).split(": ", 1)
    assert reason == "test.crops: the answers to a clip's patches are averaged anyway"
    assert "Value error" not in subject


BACKBONE = {
    "name": "x",
    "dataset": {"path": "nowhere"},
    "front_end": "audioset",
    "model": {"network": "mn", "options": {"weights": "mn04_as"}},
}


def check(*overrides, **sections):
    return recipes.check(BACKBONE | sections, "recipe.yaml", list(overrides))


def test_a_front_end_by_its_name():
    made = check()
    assert made.front_end == FrontEnd.audioset()
    assert made.weights == "mn04_as"
    assert recipes.check({"name": "x", "dataset": {"path": "x"}}, "x", []).weights is None


def test_stages_are_kept_in_the_run_folder(tmp_path):
    made = check(stages=[{"training": {"freeze": True}}, {"augment": {"gain_db": 3}}])
    path = tmp_path / "recipe.yaml"
    path.write_text(made.dump())
    assert recipes.load(path) == made
    assert [phase.augment.gain_db for phase in recipes.load(path).phases()] == [10, 3]


def test_a_recipe_without_stages_is_its_only_phase():
    made = check()
    assert made.phases() == [made]


def test_one_stage_may_be_changed_on_the_command_line():
    made = check("stages.1.training.epochs=7", stages=[{"training": {"freeze": True}}, {"training": {"epochs": 3}}])
    assert [phase.training.epochs for phase in made.phases()] == [100, 7]


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ({"stages": [{"model": {"network": "mn"}}]}, "stages.0.model: a stage has only the sections training and"),
        ({"stages": [{}, {"split": {}}]}, "stages.1.split: a stage has only"),
        ({"stages": [{"training": 3}]}, "stages.0.training: "),
        ({"stages": ["freeze"]}, "stages.0: "),
        ({"stages": {"training": {}}}, "stages: "),
        ({"stages": [{"augment": {"copies": ["noise"]}}]}, "stages.0.augment.copies: all stages have the same"),
        ({"stages": [{"training": {"seed": 3}}]}, "stages.0.training.seed: all stages have the same"),
        ({"stages": [{"training": {"precision": "32-true"}}]}, "stages.0.training.precision: all stages"),
        ({"stages": [{"training": {"distillation": {}}}]}, "stages.0.training.distillation: all stages"),
        ({"stages": [{"training": {"early_stopping": {}}}]}, "stages.0.training.early_stopping: set it"),
        ({"stages": [{"training": {"epochs": 0}}]}, "stages.0: training.epochs: "),
        ({"stages": [{}, {"training": {"colour": 1}}]}, "stages.1: unknown key training.colour"),
        ({"stages": [{"training": {"optimizer": "muon", "layer_decay": 0.5}}]}, "stages.0: training.layer_decay: muon"),
        ({"training": {"optimizer": "muon", "layer_decay": 0.5}}, "training.layer_decay: muon has one learning rate"),
        ({"training": {"layer_decay": 0}}, "training.layer_decay: "),
        ({"training": {"keep": "speech"}}, "training.keep: "),
        ({"training": {"keep_weight": 0}}, "training.keep_weight: "),
        ({"training": {"batch_norm": "off"}}, "training.batch_norm: "),
        ({"training": {"freeze": True, "distillation": {}}}, "training.distillation: nothing"),
        ({"training": {"freeze": True}, "model": {"network": "compact_cnn"}}, "set model.network to mn"),
        ({"training": {"keep": "audioset"}, "model": {"network": "compact_cnn"}}, "set model.network to mn"),
        ({"training": {"keep": "audioset"}, "model": {"network": "mn"}}, "set model.options.weights"),
        ({"front_end": {"rate": 32000}}, "front_end: these weights hear others: set front_end to audioset"),
        ({"front_end": "audio"}, "front_end: "),
    ],
)
def test_what_does_not_fit_is_told_by_its_key(sections, says):
    with pytest.raises(RecipeError) as told:
        check(**sections)
    message = str(told.value)
    assert message.startswith("recipe.yaml: ")
    assert says in message
    assert "\n" not in message
