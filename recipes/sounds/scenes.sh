#!/usr/bin/env bash
# The scenes that recipes/sounds.yaml learns from, and those that judge it, made in the data folder. Half an hour on two
# cores, 6 GB; the same command goes on where it was interrupted.
#
#     recipes/sounds/scenes.sh DATA [JOBS] [OPTIONS OF tables.py]
#
# tables.py says what DATA holds and which of Debian's packages bring speech and music.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
data=$1 jobs=${2:-2}
shift $(($# < 2 ? $# : 2))

python "$here/tables.py" "$data" "$@"
python "$here/foreign.py" "$data"
for name in letters:/usr/share/klettres:'**/*.ogg':'^(\w+)/' stickers:/usr/share/ktuberling/sounds:'*/*':'^([^/]+)/'; do
    IFS=: read -r table folder pattern source <<<"$name"
    earmark data table "$folder" --force --layout files -o "name=$table" -o labels=speech -o "pattern=$pattern" \
        -o "source=$source" --out "$data/sounds/$table.csv"
done
python "$here/../../benchmarks/room_tone.py" "$data"/sounds/{letters,stickers,speech,events}.csv --out "$data/sounds/rooms"

cd "$data/sounds"
scenes() {
    earmark data scenes --events events.csv --background backgrounds.csv --background rooms/clips.csv \
        --speech speech.csv --music music.csv --speed 0.15 --jobs "$jobs" "$@"
}
# short: one or two sounds over nothing that has a name, loud and faint; narrow: the same as a telephone would have it
scenes --count 2400 --seconds 10 --noise 0.6 --softest 0 --loudest 28 --with-speech 0.3 --with-music 0.25 \
    --rate 32000 --out short
scenes --count 1200 --seconds 10 --noise 0.6 --softest 0 --loudest 28 --with-speech 0.3 --with-music 0.25 \
    --rate 16000 --seed 3 --out narrow
# long: a minute of many; others: nothing but speech and music
scenes --count 200 --noise 0.3 --rate 32000 --seed 1 --out long
scenes --count 900 --seconds 10 --noise 0.7 --per-minute 0 --with-speech 0.6 --with-music 0.8 --rate 32000 --seed 2 \
    --out others
# quiet: rooms and noises in which nothing happens, some of them hardly heard; spoken: speech and music in such places
earmark data scenes --events events.csv --background rooms/clips.csv --quiet 1 --noise 0.4 --count 1500 --seconds 10 \
    --rate 32000 --seed 4 --jobs "$jobs" --out quiet
scenes --count 900 --seconds 10 --noise 0.3 --per-minute 0 --with-speech 0.6 --with-music 0.6 --rate 32000 --seed 5 \
    --out spoken
# those that judge, of recordings from elsewhere; choose chooses the thresholds
for half in choose test; do
    earmark data scenes --events "foreign/$half.csv" --background "foreign/$half.csv" \
        --background-labels air_conditioner,engine --noise 0.6 --speech "foreign/speech_$half.csv" \
        --music "foreign/music_$half.csv" --folds 1 --count 60 --rate 32000 --jobs "$jobs" --out "foreign/scenes_$half"
done
# an hour each of rooms, of speech and of music, in which nothing else happens
python "$here/../../benchmarks/false_captions.py" --speech "$data/speech_pauses" --speech "$data/f0_fda" --rooms even \
    --music foreign/music_choose.csv --keep foreign/nothing
# and mixed
earmark data scenes --events foreign/choose.csv --per-minute 0 --noise 1 --quiet 0.2 --with-speech 0.5 --with-music 0.8 \
    --speech foreign/speech_choose.csv --music foreign/music_choose.csv --folds 1 --count 60 --rate 32000 \
    --jobs "$jobs" --out foreign/others_choose
