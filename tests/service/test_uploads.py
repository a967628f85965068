from hypothesis import given
from hypothesis import strategies as st

from earmark.service.uploads import NAME_LENGTH, shown_name


@given(st.one_of(st.none(), st.text(max_size=400)))
def test_a_name_is_for_eyes_only(name):
    shown = shown_name(name)
    assert 0 < len(shown) <= NAME_LENGTH
    assert "/" not in shown
    assert "\\" not in shown
    assert shown.isprintable()
    assert shown.strip(".")
    shown.encode()


def test_names_keep_what_people_called_them():
    assert shown_name("C:\\Users\\ä\\Ein Tag am Meer.mp4") == "Ein Tag am Meer.mp4"
    assert shown_name("../../etc/passwd") == "passwd"
    assert shown_name("..") == "recording"
    assert shown_name(None) == "recording"
