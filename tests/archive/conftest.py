import pytest
from archive_making import make_archive

from earmark.archive.indexing import Settings, index, options_for
from earmark.archive.recordings import below, root_of


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    """Twelve recordings of two seconds; not to be changed."""
    folder = tmp_path_factory.mktemp("archive") / "recordings"
    make_archive(folder, 12)
    return folder


@pytest.fixture
def indexed(low_high_file):
    """Brings an index up to date in this process, without Dask."""

    def run(folder, out, **settings):
        root = root_of(str(folder))
        options = options_for(root, str(low_high_file))
        return index(below(root), out, options, Settings(**{"jobs": 1, "most": 5, **settings}))

    return run
