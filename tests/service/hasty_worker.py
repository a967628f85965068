"""What a worker's process runs, but that FFmpeg may compute for a second only to open a file."""

from earmark.service.worker import serve as usual


def serve(pipe, memory):
    from earmark.media import probe

    probe.LIMIT = 1
    usual(pipe, memory)
