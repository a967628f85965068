"""The kinds of file that FFmpeg may open for us."""

from __future__ import annotations

from collections.abc import Sequence

DEMUXERS = (
    # films and broadcasts
    *(
        "asf",
        "asf_o",
        "avi",
        "dv",
        "flv",
        "gxf",
        "ivf",
        "kux",
        "matroska",
        "mov",
        "mpeg",
        "mpegts",
        "mxf",
        "nsv",
        "nut",
    ),
    *("rm", "swf", "ty", "wtv"),
    # samples as they are
    *(
        "aiff",
        "au",
        "avr",
        "caf",
        "dsf",
        "hcom",
        "iff",
        "ircam",
        "mca",
        "nistsphere",
        "paf",
        "pvf",
        "rso",
        "sds",
        "sox",
    ),
    *("voc", "w64", "wav", "wsd", "wve", "xwma"),
    # compressed, with or without tags
    *("aa", "aac", "ac3", "ac4", "aea", "amr", "amrnb", "amrwb", "ape", "aptx", "aptx_hd", "bonk", "dts", "dtshd"),
    *("eac3", "flac", "iamf", "laf", "lc3", "loas", "mlp", "mp3", "mpc", "mpc8", "ogg", "oma", "osq", "qcp", "qoa"),
    *("sbc", "shn", "spdif", "tak", "truehd", "tta", "vqf", "wv", "xa"),
    # known by their suffix alone: telephones and radio
    *("alaw", "codec2", "g722", "g726", "g726le", "g729", "gsm", "ilbc", "mulaw"),
)
"""Files that hold their sound themselves. What is missing opens other things: playlists and lists of files (hls, dash,
concat, webm_dash_manifest, imf), descriptions of streams (sdp, rtsp, rtp, sap), numbered pictures (image2), devices
and filters (lavfi, alsa, ...); or holds no sound (subtitles, pictures)."""

NOTHING = "none"
"""A list of protocols that is empty: FFmpeg takes an empty text for all of them."""


def restrictions(path: bool, demuxers: Sequence[str] = DEMUXERS) -> dict[str, str]:
    """FFmpeg's options that keep it from opening anything but what it is given.

    Parameters
    ----------
    path
        Whether it is given a path; otherwise a file object, beside which it needs nothing.
    demuxers
        The kinds of file that it may take it for.
    """
    return {"protocol_whitelist": "file" if path else NOTHING, "format_whitelist": ",".join(demuxers)}
