"""Every language says every sound; a user's own phrases go over them."""

import unicodedata

import pytest

from earmark.captions import Form, Phrases, Priority, ReadingRules, captions, languages
from earmark.captions.reading import bracketed, reading_time, width
from earmark.errors import EarmarkError
from earmark.events.timeline import Event, Timeline
from earmark.labels import CANONICAL
from earmark.models.model import bundled_models, load_model

SCRIPTS = {
    "cs": "LATIN",
    "el": "GREEK",
    "en": "LATIN",
    "ko": "HANGUL",
    "pl": "LATIN",
    "ru": "CYRILLIC",
} | dict.fromkeys(("de", "es", "fr"), "LATIN")


def scene(*events):
    return Timeline("a.wav", 60, "sounds").with_events(Event(*e) for e in events)


def texts(timeline, language="en"):
    return [c.text for c in captions(timeline, language)]


def test_the_languages_that_were_asked_for():
    assert languages() == sorted(SCRIPTS)


@pytest.mark.parametrize("language", languages())
def test_every_language_has_three_forms_of_every_label(language):
    phrases = Phrases.load(language)
    assert set(phrases.forms) == CANONICAL
    assert len(phrases.fallback) == len(Form)
    for label, forms in phrases.forms.items():
        assert len(forms) == len(Form), label
        assert forms[Form.CONTINUING] not in forms[: Form.CONTINUING], label
        for text in forms:
            assert text == text.strip() == unicodedata.normalize("NFC", text), text
            assert language == "de" or text == text.lower(), text  # German has capitals for nouns
            assert text, label
            assert not set("[]") & set(text), text
            assert width(f"[{text}]", phrases.rules) <= phrases.rules.characters, text
            scripts = {unicodedata.name(c).split()[0] for c in text if c.isalpha()}
            assert scripts == {SCRIPTS[language]}, text


@pytest.mark.parametrize("language", languages())
def test_no_two_labels_read_alike(language):
    phrases = Phrases.load(language)
    for form in Form:
        said = [phrases.say(label, form) for label in CANONICAL]
        assert len(set(said)) == len(said)


@pytest.mark.parametrize("language", languages())
def test_a_label_without_a_phrase_is_read_as_words_in_every_language(language):
    phrases = Phrases.load(language)
    assert [phrases.say("my_door_bell", form) for form in (Form.SHORT, Form.SUSTAINED)] == ["my door bell"] * 2
    assert "my door bell" in phrases.say("my_door_bell", Form.CONTINUING)
    assert phrases.say("my_door_bell", Form.CONTINUING) != "my door bell"


def test_every_label_of_the_bundled_models_has_a_phrase():
    for name in bundled_models():
        model = load_model(name, threads=1)
        assert set(model.labels) <= CANONICAL, name


@pytest.mark.parametrize(
    ("language", "characters"),
    [("en", 42), ("el", 42), ("cs", 42), ("pl", 42), ("ru", 39), ("ko", 16), ("de", 42), ("fr", 42), ("es", 42)],
)
def test_characters_of_a_line_are_those_of_the_style_guides(language, characters):
    assert Phrases.load(language).rules.characters == characters


def test_in_korean_a_latin_letter_is_half_as_wide():
    rules = Phrases.load("ko").rules
    assert width("[개 짖는 소리]", rules) == 7
    assert bracketed("아주 오래된 시계가 크게 울리는 소리", rules) == ("[아주 오래된 시계가 크게 울리는", "소리]")
    assert bracketed("가" * 40, rules) == ("[" + "가" * 15, "가" * 15 + "…]")
    assert len(bracketed("a" * 30, rules)) == 1


def test_long_words_take_longer_to_read_where_words_are_long():
    assert reading_time(["[dog barks]"], ReadingRules()) == 0.6
    assert reading_time(["[стиральная машина продолжает гудеть]"], Phrases.load("ru").rules) == pytest.approx(
        37 * 0.059
    )


def write(folder, text):
    path = folder / "my.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_own_phrases_override_and_add(tmp_path):
    mine = write(
        tmp_path,
        """
[phrases]
dog = ["Rex barks", "Rex barking", "Rex still barks"]
my_door_bell = ["ding dong", "ding dong ding", "still ringing"]
[priority]
my_door_bell = "alarm"
rain = "alarm"
[fallback]
forms = ["({label})", "({label})", "({label})..."]
[reading]
characters = 12
""",
    )
    phrases = Phrases.load("en").with_file(mine)
    timeline = scene((1, 2, "dog", 0.9), (10, 11, "my_door_bell", 0.9), (20, 21, "cat", 0.9), (30, 31, "my_cat", 0.9))
    assert texts(timeline, phrases) == ["[Rex barks]", "[ding dong]", "[cat meows]", "[(my cat)]"]
    assert phrases.priority("rain") is phrases.priority("my_door_bell") is Priority.ALARM
    assert phrases.priority("wind") is Priority.AMBIENT
    assert phrases.rules == ReadingRules(characters=12)
    assert Phrases.load("en").priority("rain") is Priority.AMBIENT
    assert Phrases.load("ko").with_file(mine).rules.narrow == 0.5


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("dog = [", "no TOML"),
        ("[phrase]\ndog = ['a', 'b', 'c']", "part phrase"),
        ("phrases = 3", "phrases is no table"),
        ("[phrases]\ndog = ['a', 'b']", "dog has no three phrases"),
        ("[phrases]\ndog = 'barks'", "dog has no three phrases"),
        ("[phrases]\ndog = ['a', ' ', 'c']", "dog has no three phrases"),
        ("[phrases]\ndog = ['[a]', 'b', 'c']", "dog holds a bracket"),
        ('[phrases]\ndog = ["a\\nb", "b", "c"]', "dog holds a bracket or a line break"),
        ("[priority]\ndog = 'urgent'", "dog has the priority 'urgent'; choose from: alarm"),
        ("[fallback]\nform = ['a', 'b', 'c']", "something other than forms"),
        ("[reading]\nletters = 3", "letters under .reading. is no reading rule"),
        ("[reading]\nlines = 1.5", "lines under .reading. is no whole number"),
        ("[fallback]\nforms = ['{labl}', 'b', 'c']", "write {label}"),
        ("[reading]\ncharacters = 2", "my.toml: under .reading., no sound fits"),
        ("[reading]\nlongest = inf", "my.toml: under .reading., longest cannot be inf"),
        ("[reading]\ngap = nan", "gap cannot be nan"),
        ("[reading]\nlatest = -5", "latest cannot be -5"),
        ("[reading]\nreminder_every = 0", "reminder_every cannot be 0"),
    ],
)
def test_a_mistake_in_own_phrases_is_named(tmp_path, text, what):
    with pytest.raises(EarmarkError, match=what):
        Phrases.load("en").with_file(write(tmp_path, text))


def test_own_phrases_that_cannot_be_read(tmp_path):
    with pytest.raises(EarmarkError, match="cannot be opened"):
        Phrases.load("en").with_file(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'[phrases]\ndog = ["\xe9", "b", "c"]')
    with pytest.raises(EarmarkError, match="not UTF-8"):
        Phrases.load("en").with_file(tmp_path / "latin.toml")
