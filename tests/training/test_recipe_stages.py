"""Recipes that train on a backbone, in stages."""

import pytest

from earmark.errors import RecipeError
from earmark.features.frontend import FrontEnd
from earmark.training import recipe as recipes

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
