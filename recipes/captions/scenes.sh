#!/usr/bin/env bash
# What together.yaml and pieces.yaml learn from, made in the data folder: tables of speech and music, then scenes. The
# same command goes on where it was interrupted.
#
#     recipes/captions/scenes.sh DATA [JOBS]
#
# DATA holds esc50, urbansound8k (folds 1 and 2 are enough), spoken_digits and instruments. Debian's packages
# tuxpaint-stamps-default, asterisk-moh-opsound-wav, hedgewars-data and
# wesnoth-1.16-music bring the rest.
set -euo pipefail
data=$1 jobs=${2:-2}

# NAME LABEL FOLDER PATTERN, then options: which files are of one speaker or piece, and how they are cut
listed() {
    earmark data table "$3" --force --layout files -o "name=$1" -o "labels=$2" -o "pattern=$4" "${@:5}" --out "$data/$1.csv"
}
listed speech speech /usr/share/tuxpaint/stamps '**/*_desc_*.ogg' -o 'source=_desc_(.+)\.ogg' -o limit_per_source=60
listed digits speech "$data/spoken_digits" '*.opus' -o 'source=_([a-z]+)_' -o limit_per_source=40
listed notes music "$data/instruments" '*/*.opus'
listed moh music /usr/share/asterisk/moh '*.wav' -o cut=5,20 -o limit_per_source=12
listed hedgewars music /usr/share/games/hedgewars/Data/Music '*.ogg' -o cut=5,20 -o limit_per_source=6
listed wesnoth music /usr/share/games/wesnoth/1.16/data/core/music '*.ogg' -o cut=5,20 -o limit_per_source=8

scenes() {
    earmark data scenes --events "$data/esc50" --events "$data/urbansound8k" \
        --background "$data/esc50" --background "$data/urbansound8k" \
        --background-labels rain,wind,sea_waves,crickets,air_conditioner,engine,crackling_fire \
        --speech "$data/speech.csv" --speech "$data/digits.csv" \
        --music "$data/notes.csv" --music "$data/moh.csv" --music "$data/hedgewars.csv" --music "$data/wesnoth.csv" \
        --rate 22050 --jobs "$jobs" "$@"
}
scenes --count 800 --out "$data/scenes"
